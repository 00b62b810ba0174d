"""What `manage.py up` shows in a terminal."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

_EVENTS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class HouseStatus:
    """The numbers of the moment; None where nothing is known yet."""

    ticks_per_second: float = 0.0
    lag_seconds: float | None = None
    signals: int = 0
    decisions: int = 0
    fills: int = 0
    equity: Decimal | None = None


class LiveView:
    """Drawn only when asked, by the caller's thread: a house has a single one."""

    def __init__(self, console: Console | None = None) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._events: list[str] = []

    def __enter__(self) -> "LiveView":
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def note(self, event: str, **fields: object) -> None:
        words = " ".join(f"{key}={value}" for key, value in fields.items())
        self._events = [*self._events, f"{datetime.now().astimezone():%H:%M:%S} {event} {words}"][-_EVENTS_SHOWN:]

    def show(self, status: HouseStatus, states: dict[str, str]) -> None:
        self._live.update(render(status, states, self._events), refresh=True)


def render(status: HouseStatus, states: dict[str, str], events: list[str]) -> Group:
    return Group(_numbers(status), _processes(states), *(Text(event, style="dim") for event in events))


def _numbers(status: HouseStatus) -> Table:
    table = Table("ticks/s", "lag", "signals", "decisions", "fills", "equity", title="Alpha Panda")
    lag = "-" if status.lag_seconds is None else f"{status.lag_seconds * 1000:.0f} ms"
    equity = "-" if status.equity is None else f"₹ {status.equity:,.2f}"
    counts = (str(number) for number in (status.signals, status.decisions, status.fills))
    table.add_row(f"{status.ticks_per_second:.1f}", lag, *counts, equity)
    return table


def _processes(states: dict[str, str]) -> Table:
    table = Table("process", "state", box=None)
    for name, state in states.items():
        table.add_row(name, Text(state, style="green" if state == "running" else "red"))
    return table

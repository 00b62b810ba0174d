"""The last two prices of every instrument, as of a place in the log."""

from typing import Any

from trading.tick import Tick


class Prices:
    """By instrument id: last price, the price before it (1/10,000 rupee), and the last tick's time."""

    def __init__(self, rows: dict[str, list[Any]] | None = None) -> None:
        self._rows: dict[int, tuple[int, int | None, int]] = {
            int(key): (row[0], row[1], row[2]) for key, row in (rows or {}).items()
        }

    def update(self, tick: Tick) -> None:
        before = self._rows.get(tick.instrument.id)
        self._rows[tick.instrument.id] = (tick.price_e4, before[0] if before else None, tick.time)

    def last(self, instrument: int) -> int | None:
        row = self._rows.get(instrument)
        return row[0] if row else None

    def previous(self, instrument: int) -> int | None:
        """The price of the tick before the last one."""
        row = self._rows.get(instrument)
        return row[1] if row else None

    def time(self, instrument: int) -> int | None:
        """Exchange time of the last tick, in microseconds."""
        row = self._rows.get(instrument)
        return row[2] if row else None

    def marks(self, instruments: frozenset[int] | None = None) -> dict[int, int]:
        """Last prices of some instruments, or of all."""
        return {key: row[0] for key, row in self._rows.items() if instruments is None or key in instruments}

    def copy(self) -> "Prices":
        return Prices(self.dump())

    def dump(self) -> dict[str, list[Any]]:
        return {str(key): list(row) for key, row in self._rows.items()}

"""A backtest: ticks in, signals, decisions and fills out, in one process without any server.

It calls the same runners, the same `advance` and the same decider as the pipeline.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from risk.decide import Decider
from strategies.runner import Runner
from strategies.signal import Signal
from trading.advance import Stop, advance
from trading.prices import Prices
from trading.tick import Tick

BATCH = 4_096


@dataclass(slots=True)
class Backtest:
    """`faults` says at which tick a strategy failed and why; the others went on."""

    runners: list[Runner]
    decider: Decider
    prices: Prices = field(default_factory=Prices)
    signals: list[Signal] = field(default_factory=list)
    faults: dict[int, tuple[int, str]] = field(default_factory=dict)
    ticks: int = 0
    _fills_seen: int = 0

    def run(self, ticks: Iterable[Tick]) -> None:
        """Strategies that see fills go tick by tick, all others in batches: the result is the same."""
        size = 1 if any(runner.sees_fills for runner in self.runners) else BATCH
        for batch in _batches(ticks, size):
            self.ticks += len(batch)
            events: list[Signal | Stop] = [*self._show_fills(batch[0].number)]
            events += [event for tick in batch for event in self._evaluate(tick)]
            events.sort(key=lambda event: (event.tick, event.turn))
            advance(self.decider.book, batch, events, batch[-1].number, self.decider.act)

    def _evaluate(self, tick: Tick) -> Iterator[Signal | Stop]:
        self.prices.update(tick)
        for runner in self.runners:
            if runner.ordinal in self.faults or not runner.wants(tick.instrument.id):
                continue
            try:
                signals = runner.on_tick(tick, self.prices)
            except (Exception, SystemExit) as error:  # noqa: BLE001  (a strategy is a person's code)
                yield self._stop(runner, tick.number, error)
                continue
            self.signals += signals
            yield from signals

    def _show_fills(self, tick: int) -> Iterator[Stop]:
        """A fill of tick n is visible from tick n + 1."""
        fills = self.decider.book.fills
        for fill in islice(fills, self._fills_seen, None):
            for runner in self.runners:
                if not runner.sees_fills or runner.ordinal != fill.strategy or runner.ordinal in self.faults:
                    continue
                try:
                    runner.on_fill(fill)
                except (Exception, SystemExit) as error:  # noqa: BLE001  (a strategy is a person's code)
                    yield self._stop(runner, tick, error)
        self._fills_seen = len(fills)

    def _stop(self, runner: Runner, tick: int, error: BaseException) -> Stop:
        self.faults[runner.ordinal] = (tick, f"{type(error).__name__}: {error}")
        return Stop(tick, runner.ordinal, turn=runner.ordinal)


def _batches(ticks: Iterable[Tick], size: int) -> Iterator[list[Tick]]:
    rest = iter(ticks)
    while batch := list(islice(rest, size)):
        yield batch

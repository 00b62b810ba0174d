"""A backtest: ticks in, signals, decisions and fills out, in one process without any server.

It calls the same lane, the same `advance` and the same decider as the pipeline.
"""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import localcontext
from operator import attrgetter

from risk.decide import Decider
from strategies.lane import DECIMALS, Lane
from strategies.marked import Marked
from strategies.runner import Runner
from strategies.signal import Signal
from trading.advance import Stop, advance
from trading.prices import Prices
from trading.ticks import Ticks

BATCH = 32_768  # ticks at once where they come from files
BY_TICK, IN_TURN = attrgetter("tick"), attrgetter("tick", "turn")
YOUNG = 100_000  # objects made before the collector looks for cycles, of which a backtest makes none: 700 cost it 3 %


@dataclass(slots=True)
class Backtest:
    """`faults` says at which tick a strategy failed and why; the others went on."""

    runners: list[Runner]
    decider: Decider
    signals: list[Signal] = field(default_factory=list)
    faults: dict[int, tuple[int, str]] = field(default_factory=dict)
    ticks: int = 0
    lane: Lane = field(default_factory=Lane)
    _fills_seen: int = 0

    @property
    def prices(self) -> Prices:
        return self.lane.prices

    def run(self, batches: Iterable[Ticks]) -> None:
        """Strategies that see fills go tick by tick, all others in batches: the result is the same."""
        self.lane.runners, marked = {runner.ordinal: runner for runner in self.runners}, Marked()
        for runner in self.runners:
            runner.marked = marked
        is_shown_fills = any(runner.sees_fills for runner in self.runners)
        with localcontext(), _rare_collections():
            for batch in _singles(batches) if is_shown_fills else batches:
                self.ticks += len(batch)
                if is_shown_fills:
                    self._show_fills(batch.first)
                self._step(batch)

    def _step(self, batch: Ticks) -> None:
        self.lane.evaluate(batch)
        events: list[Signal | Stop] = [*self._stops(), *self._signals()]
        events.sort(key=IN_TURN)
        with localcontext(DECIMALS):
            self._advance(batch, events)

    def _advance(self, batch: Ticks, events: list[Signal | Stop]) -> None:
        watch = self.decider.watch
        advance(self.decider.book, [batch], events, batch.last, self.decider.act, watch)
        made = watch.take() if watch else []
        spoken = [event for event in events if isinstance(event, Signal)]
        self.signals += sorted([*made, *spoken], key=BY_TICK)

    def _signals(self) -> Iterator[Signal]:
        yield from (signal for *_, signal in self.lane.signals)
        self.lane.signals = []

    def _show_fills(self, tick: int) -> None:
        """A fill of tick n is visible from tick n + 1."""
        fills = self.decider.book.fills
        for fill in fills[self._fills_seen :]:
            runner = self.lane.runners.get(fill.strategy)
            if runner and runner.sees_fills:
                self.lane.guard(fill.strategy, tick, runner.on_fill, fill)
        self._fills_seen = len(fills)

    def _stops(self) -> Iterator[Stop]:
        for fault in self.lane.faults:
            self.faults[fault.strategy] = (fault.tick, fault.reason.partition("\n")[0])
            yield Stop(fault.tick, fault.strategy, turn=fault.strategy)
        self.lane.faults = []


def _singles(batches: Iterable[Ticks]) -> Iterator[Ticks]:
    for batch in batches:
        yield from (batch.cut(place, place + 1) for place in range(len(batch)))


@contextmanager
def _rare_collections() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # what was made counts as old: to look through all of it once took 2 %
        gc.set_threshold(*before)

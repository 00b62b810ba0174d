"""A lane: runners that go through the log together, with the prices as of their place.

All strategies of a shard share one lane, but those that see fills: each of them has its own, for it must wait
for its portfolio while the others run ahead.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from strategies.runner import Runner
from strategies.scan import Scan
from strategies.signal import Signal
from trading.prices import Prices
from trading.tick import Tick

MOST_TEXT = 4_000


@dataclass(frozen=True, slots=True)
class Fault:
    """A strategy (by its id) failed at a tick and is out from the next one on; its runner keeps the targets."""

    strategy: int
    tick: int
    reason: str
    runner: Runner | None = None


def explained(error: BaseException) -> str:
    """What went wrong in a person's code and where, as text that every database takes."""
    try:
        what = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  (even its own description may fail)
        what = type(error).__name__
    where = "".join(traceback.format_tb(error.__traceback__)[-2:])
    return f"{what[:MOST_TEXT]}\n{where}".replace("\x00", "?").encode(errors="replace").decode()


def _no_note(strategy: int, tick: int) -> None:
    """Where no process can die, nothing need be noted."""


@dataclass(slots=True)
class Lane:
    """`runners` by strategy id; `place` is the last tick evaluated.

    `note` is told which strategy gets which tick before its code runs; `interruptions` are what the house
    itself raises into that code (a time limit): they end the work, not the strategy.
    """

    place: int = 0
    prices: Prices = field(default_factory=Prices)
    runners: dict[int, Runner] = field(default_factory=dict)
    signals: list[tuple[int, Runner, Signal]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    note: Callable[[int, int], None] = _no_note
    interruptions: tuple[type[BaseException], ...] = ()

    def evaluate(self, ticks: Iterable[Tick]) -> None:
        """Gives ticks to the runners that have not seen them; what they want gathers in `signals`."""
        new = [tick for tick in ticks if tick.number > self.place]
        scan, asked = Scan(), _Asked(self.runners)
        if new and new[-1].number == self.place + len(new):
            scan.run(self.runners, new, self.guard)
        for tick in new:
            if tick.number > self.place + 1:
                self._note_gap(tick)
            self.prices.update(tick)
            for strategy, runner in asked.about(tick.instrument.id, scan.taken):
                if tick.number > runner.place:
                    self._hear(strategy, tick, partial(runner.on_tick, tick, self.prices))
            for strategy, runner, position in scan.wishes.get(tick.number, ()):
                self._hear(strategy, tick, partial(runner.on_wish, tick, position, self.prices))
            self.place = tick.number
        for runner in self.runners.values():
            runner.place = max(runner.place, self.place)

    def _hear(self, strategy: int, tick: Tick, speak: Callable[[], list[Signal]]) -> None:
        if strategy not in self.runners:  # it has failed since
            return
        runner = self.runners[strategy]

        def hear() -> None:
            self.signals += [(strategy, runner, signal) for signal in speak()]

        self.guard(strategy, tick.number, hear)

    def guard(self, strategy: int, tick: int, act: Callable[[], None]) -> None:
        """Runs a person's code: whatever it raises ends that strategy and no other."""
        self.note(strategy, tick)
        try:
            act()
        except self.interruptions:
            raise
        except BaseException as error:  # noqa: BLE001
            runner = self.runners.pop(strategy)
            runner.place = max(runner.place, tick)
            self.faults.append(Fault(strategy, tick, explained(error), runner))

    def _note_gap(self, tick: Tick) -> None:
        """Numbers are missing: windows of prices start anew."""
        for strategy, runner in list(self.runners.items()):
            if runner.place < tick.number - 1:
                self.guard(strategy, tick.number, runner.on_gap)


@dataclass(slots=True)
class _Asked:
    """Who is asked about an instrument tick by tick, worked out once for a batch."""

    runners: dict[int, Runner]
    found: dict[int, list[tuple[int, Runner]]] = field(default_factory=dict)

    def about(self, instrument: int, taken: set[tuple[int, int]]) -> list[tuple[int, Runner]]:
        if instrument not in self.found:
            every = self.runners.items()
            self.found[instrument] = [(s, r) for s, r in every if r.wants(instrument) and (s, instrument) not in taken]
        return self.found[instrument]

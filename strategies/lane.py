"""A lane: runners that go through the log together, with the prices as of their place.

All strategies of a shard share one lane, but those that see fills: each of them has its own, for it must wait
for its portfolio while the others run ahead.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Context
from functools import partial
from itertools import pairwise
from typing import TypeVar, TypeVarTuple

from strategies.arrays import FEWEST, Wishes
from strategies.interest import Ask, Interest
from strategies.runner import Runner
from strategies.scan import Scan
from strategies.sheet import Sheet
from strategies.signal import Signal
from strategies.tape import Tape
from trading.prices import Known, Passing, Prices
from trading.roster import Roster
from trading.tick import Tick
from trading.ticks import Ticks

A = TypeVarTuple("A")
R = TypeVar("R")
MOST_TEXT = 4_000
DECIMALS = Context()  # how the house reckons: a strategy may have changed how its process does
FIRST_PACE = 64


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
    `pace` is how many ticks at a time it was quick with, `ticked` the instruments that had one lately,
    `slowed` strategies whose form for arrays failed: they go on tick by tick; `tapes` have the latest prices of the
    instruments that its runners look at.
    """

    place: int = 0
    prices: Prices = field(default_factory=Prices)
    runners: dict[int, Runner] = field(default_factory=dict)
    signals: list[tuple[int, Runner, Signal]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    slowed: list[Fault] = field(default_factory=list)
    note: Callable[[int, int], None] = _no_note
    interruptions: tuple[type[BaseException], ...] = ()
    pace: int = FIRST_PACE
    ticked: set[int] = field(default_factory=set)
    tapes: dict[Roster, Tape] = field(default_factory=dict)
    _interest: Interest | None = None

    @property
    def interest(self) -> Interest:
        if self._interest is None or not self._interest.is_of(self.runners):
            self._interest = Interest(self.runners, self.tapes)
            self.tapes = self._interest.tapes
        return self._interest

    def evaluate(self, ticks: Ticks) -> None:
        """Gives ticks to the runners that have not seen them; what they want gathers in `signals`."""
        new = ticks.between(self.place, ticks.last)
        if not new:
            return
        if new.first > self.place + 1:
            self._note_gap(new.first)
        for part in self._parts(new):
            self._one_by_one(part) if len(part) < FEWEST else self._at_once(part)
        self.place = new.last

    def _parts(self, ticks: Ticks) -> Iterator[Ticks]:
        """Cut where runners join that were ahead."""
        joining = {r.place for r in self.runners.values()} if ticks.first <= self.interest.furthest else set()
        inside = sorted(place for place in joining if ticks.first <= place < ticks.last)
        for before, until in pairwise([ticks.first - 1, *inside, ticks.last]):
            yield ticks.between(before, until)

    def _one_by_one(self, ticks: Ticks) -> None:
        for tick in ticks:
            self.prices.update(tick)
            self.ticked.add(tick.instrument.id)
            self._ask(tick, self.interest.about(tick.instrument.id), self.prices)

    def _at_once(self, ticks: Ticks) -> None:
        """Makes a tick only where somebody is asked or wishes something."""
        scan = Scan.of(ticks, self.interest, partial(self._shown, ticks.last))
        passing = Passing(self.prices, ticks, places := scan.places())
        for passing.index, (place, tick) in enumerate(ticks.at(places)):
            if asked := scan.asked.get(place):
                self._ask(tick, asked, passing)
            for strategy, runner, position in scan.wishes.get(place, ()):
                self._hear(strategy, runner, tick.number, runner.on_wish, tick, position, passing)
        scan.keep()
        passing.pass_over()
        self.ticked.update(ticks.groups.instruments.tolist())

    def _shown(self, last: int, ask: Ask, sheet: Sheet, tape: Tape) -> Wishes | None:
        strategy, runner = ask
        if runner.place >= last or strategy not in self.runners:
            return []
        if not runner.takes_arrays:
            return None
        self.note(strategy, last)
        try:
            return runner.on_prices(sheet, tape)
        except self.interruptions:
            raise
        except BaseException as error:  # noqa: BLE001  (asked tick by tick it fails where it fails, whatever the batch)
            runner.takes_arrays, self._interest = False, None
            self.slowed.append(Fault(strategy, last, explained(error)))
            return None

    def _ask(self, tick: Tick, asks: Iterable[Ask], prices: Known) -> None:
        for strategy, runner in asks:
            if runner.place < tick.number:
                self._hear(strategy, runner, tick.number, runner.on_tick, tick, prices)

    def _hear(self, strategy: int, runner: Runner, tick: int, speak: Callable[[*A], list[Signal]], *given: *A) -> None:
        if strategy in self.runners:  # it may have failed since
            for signal in self.guard(strategy, tick, speak, *given) or ():
                self.signals.append((strategy, runner, signal))

    def guard(self, strategy: int, tick: int, act: Callable[[*A], R], *given: *A) -> R | None:
        """Runs a person's code: whatever it raises ends that strategy and no other."""
        self.note(strategy, tick)
        try:
            return act(*given)
        except self.interruptions:
            raise
        except BaseException as error:  # noqa: BLE001
            runner = self.runners.pop(strategy)
            runner.place = max(runner.place, tick)
            self.faults.append(Fault(strategy, tick, explained(error), runner))
            return None

    def settle(self) -> None:
        """Tells the runners how far they are: those that nobody asked have seen every tick as well."""
        for runner in self.runners.values():
            runner.place = max(runner.place, self.place)

    def _note_gap(self, first: int) -> None:
        """Numbers before this one are missing: windows of prices start anew."""
        for strategy, runner in list(self.runners.items()):
            if runner.place < first - 1:
                self.guard(strategy, first, runner.on_gap, self.place, first)

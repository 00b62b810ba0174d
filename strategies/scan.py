"""A batch of ticks, taken at once by the runners that can: who is asked about which tick, who wishes what at which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from strategies.arrays import FEWEST, Wishes
from strategies.interest import Ask, Audience, Interest
from strategies.runner import Runner
from strategies.sheet import Sheet
from strategies.tape import Tape
from trading.ticks import Ticks

Wish = tuple[int, Runner, int]  # strategy, its runner, the position wanted
# Runs `on_prices` of a strategy's runner up to a tick, and keeps a fault from the others.
Guarded = Callable[[Ask, Sheet, Tape], Wishes | None]


@dataclass(slots=True)
class Scan:
    """By place of a tick in its batch; `shown` are sheets, each with the tape that it is shown on."""

    asked: defaultdict[int, list[Ask]] = field(default_factory=lambda: defaultdict(list))
    wishes: defaultdict[int, list[Wish]] = field(default_factory=lambda: defaultdict(list))
    shown: list[tuple[Tape, Sheet]] = field(default_factory=list)

    @classmethod
    def of(cls, ticks: Ticks, interest: Interest, guarded: Guarded) -> Scan:
        scan, groups = cls(), ticks.groups
        for audience, chosen in interest.audiences(groups):
            few = None if chosen is None else [place for index in chosen for place in groups.of_group(index)]
            if few is None or len(few) >= FEWEST:
                scan._show(audience, Sheet.of(ticks, audience.tape.roster, chosen), guarded)
            else:
                scan._ask(audience.asks, few)
        return scan

    def keep(self) -> None:
        """What was shown is behind all now."""
        for tape, sheet in self.shown:
            tape.keep(sheet)

    def places(self) -> list[int]:
        """Where somebody is asked or wishes something, in order."""
        return sorted({*self.asked, *self.wishes})

    def _show(self, audience: Audience, sheet: Sheet, guarded: Guarded) -> None:
        tape = audience.tape
        tape.show(sheet)
        self.shown.append((tape, sheet))
        left = [ask for ask in audience.asks if not self._take(ask, sheet, guarded(ask, sheet, tape))]
        if left:
            self._ask(left, sheet.places.tolist())

    def _take(self, ask: Ask, sheet: Sheet, wishes: Wishes | None) -> bool:
        places = sheet.places[[index for index, _ in wishes]].tolist() if wishes else []
        for place, (_, position) in zip(places, wishes or (), strict=True):
            self.wishes[place].append((*ask, position))
        return wishes is not None

    def _ask(self, asks: list[Ask], places: Iterable[int]) -> None:
        for place in places:
            self.asked[place] += asks

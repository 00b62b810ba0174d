"""A batch of ticks, taken at once by the runners that can: who is asked about which tick, who wishes what at which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from strategies.arrays import FEWEST, Prices64, Wishes
from strategies.interest import Ask, Interest
from strategies.runner import Runner
from trading.ticks import Ticks

Wish = tuple[int, Runner, int]  # strategy, its runner, the position wanted
# Runs `on_prices` of a strategy's runner up to a tick, and keeps a fault from the others.
Guarded = Callable[[Ask, int, Prices64], Wishes | None]


@dataclass(slots=True)
class Scan:
    """By place of a tick in its batch."""

    asked: dict[int, list[Ask]] = field(default_factory=dict)
    wishes: dict[int, list[Wish]] = field(default_factory=dict)

    @classmethod
    def of(cls, ticks: Ticks, interest: Interest, guarded: Guarded) -> Scan:
        scan, groups = cls(), ticks.groups
        for instrument, (begin, end) in groups.spans.items():
            asks, places = interest.about(instrument), groups.places[begin:end]
            if len(places) >= FEWEST:
                prices = ticks.grouped_prices[begin:end]
                asks = [ask for ask in asks if not scan._take(ask, places, guarded(ask, instrument, prices))]
            if asks:
                scan.asked |= dict.fromkeys(places, asks)
        return scan

    def places(self) -> list[int]:
        """Where somebody is asked or wishes something, in order."""
        return sorted({*self.asked, *self.wishes})

    def _take(self, ask: Ask, places: Sequence[int], wishes: Wishes | None) -> bool:
        if wishes is None:
            return False
        for index, position in wishes:
            self.wishes.setdefault(places[index], []).append((*ask, position))
        return True

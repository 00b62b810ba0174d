"""A batch of ticks, taken at once by the runners that can: what they want, by tick."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from strategies.arrays import FEWEST, Prices64
from strategies.runner import Runner
from trading.tick import Tick

Guard = Callable[[int, int, Callable[[], None]], None]


@dataclass(slots=True)
class Scan:
    """`taken` are the (strategy, instrument) that need not be asked; `wishes` by number of the tick."""

    taken: set[tuple[int, int]] = field(default_factory=set)
    wishes: dict[int, list[tuple[int, Runner, int]]] = field(default_factory=dict)

    def run(self, runners: Mapping[int, Runner], ticks: Sequence[Tick], guard: Guard) -> None:
        """`ticks` follow each other without a gap; `guard` keeps a fault from the others."""
        able = [(s, r) for s, r in runners.items() if r.takes_arrays and r.place < ticks[0].number]
        for instrument, own in _by_instrument(ticks).items() if able else ():
            prices = np.fromiter((tick.price_e4 for tick in own), np.int64, len(own))
            for strategy, runner in able:
                if len(own) >= FEWEST and runner.wants(instrument):
                    guard(strategy, ticks[-1].number, partial(self._take, strategy, runner, own, prices))

    def _take(self, strategy: int, runner: Runner, ticks: Sequence[Tick], prices: Prices64) -> None:
        instrument = ticks[0].instrument.id
        wishes = runner.on_prices(instrument, prices)
        if wishes is None:
            return
        self.taken.add((strategy, instrument))
        for index, position in wishes:
            self.wishes.setdefault(ticks[index].number, []).append((strategy, runner, position))


def _by_instrument(ticks: Sequence[Tick]) -> dict[int, list[Tick]]:
    found: dict[int, list[Tick]] = defaultdict(list)
    for tick in ticks:
        found[tick.instrument.id].append(tick)
    return found

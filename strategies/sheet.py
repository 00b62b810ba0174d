"""The prices of a batch that some strategies look at, those of an instrument together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from strategies.arrays import Indices, Prices64, Wishes
from trading.roster import Roster
from trading.ticks import Ticks

Rosters = dict[frozenset[int] | None, Roster]  # by the instruments of strategies; None are all


def spans(begins: Indices, lengths: Indices) -> Indices:
    """From each begin on so many whole numbers, one span behind the other."""
    places = np.cumsum(lengths) - lengths
    return np.asarray(np.repeat(begins - places, lengths) + np.arange(lengths.sum()))


@dataclass(frozen=True)
class Sheet:
    """`prices` (1/10,000 rupee) of several instruments, each with its ticks in order from its place in `begins` on.

    `instruments` and their `rows` in a roster go with the begins; `places` are the prices' places in the batch.
    """

    instruments: NDArray[np.uint32]
    rows: Indices
    begins: Indices
    lengths: Indices
    prices: Prices64
    places: Indices

    @classmethod
    def of(cls, ticks: Ticks, roster: Roster, chosen: list[int] | None = None) -> Self:
        """Of all instruments of a batch, or of the chosen ones of its groups."""
        groups = ticks.groups
        lengths, instruments = groups.ends - groups.begins, groups.instruments
        if chosen is None:
            rows = roster.rows(instruments)
            return cls(instruments, rows, groups.begins, lengths, ticks.grouped_prices, groups.order)
        held, lengths = instruments[chosen], lengths[chosen]
        taken, begins = spans(groups.begins[chosen], lengths), np.cumsum(lengths) - lengths
        return cls(held, roster.rows(held), begins, lengths, ticks.grouped_prices[taken], groups.order[taken])

    def __len__(self) -> int:
        return len(self.prices)

    @cached_property
    def largest(self) -> int:
        return int(self.prices.max())

    @cached_property
    def longest(self) -> int:
        """The most prices that an instrument has."""
        return int(self.lengths.max())

    @cached_property
    def group(self) -> Indices:
        """Of each price, which of the instruments it is of."""
        return np.repeat(np.arange(len(self.begins)), self.lengths)

    @cached_property
    def price_rows(self) -> Indices:
        """Of each price, its instrument's row."""
        return self.rows[self.group]

    @cached_property
    def nth(self) -> Indices:
        """How many prices of its instrument are before each."""
        return np.arange(len(self)) - self.begins[self.group]

    @cached_property
    def ends(self) -> Indices:
        return self.begins + self.lengths

    def running(self, values: Prices64) -> Prices64:
        """Sums of the values up to each price, of each instrument for itself."""
        sums = np.cumsum(values)
        return np.asarray(sums - (sums - values)[self.begins][self.group], dtype=np.int64)

    def edges(self, places: Indices, wanted: Prices64, held: Prices64) -> Wishes:
        """Where an opinion differs from the one before it: `wanted` at `places`, `held` so far in each instrument."""
        if not len(places):
            return []
        group = np.searchsorted(self.begins, places, side="right") - 1
        before = np.concatenate([wanted[:1], wanted[:-1]])
        is_first = np.concatenate([np.ones(1, bool), group[1:] != group[:-1]])
        changed = wanted != np.where(is_first, held[group], before)
        return list(zip(places[changed].tolist(), wanted[changed].tolist(), strict=True))

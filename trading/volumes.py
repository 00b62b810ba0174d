"""Shares traded lately in each instrument, as of a place in the log.

Lately is the part of a five-minute span of market time that has passed, and the span before it: whole numbers that do
not depend on how ticks are batched.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trading.session import MINUTE
from trading.ticks import Column, Ticks, changes

Indices = NDArray[np.intp]
SPAN = 5 * MINUTE
Row = tuple[int, int, int]  # number of the span, shares traded in it, shares traded in the one before
UNTOLD: Row = (-1, 0, 0)  # no tick has told a volume


def added(row: Row, span: int, volume: int) -> Row:
    """A tick that comes late counts where the latest is."""
    if row == UNTOLD or span > row[0] + 1:
        return span, volume, 0
    if span == row[0] + 1:
        return span, volume, row[1]
    return row[0], row[1] + volume, row[2]


def added_all(rows: Column, spans: Column, volumes: Column) -> Column:
    """As `added`, for each of many rows."""
    held, now, before = rows.T
    is_later, is_next = (held == UNTOLD[0]) | (spans > held), (spans == held + 1) & (held != UNTOLD[0])
    now_before = np.where(is_next, now, np.where(is_later, 0, before))
    return np.array([np.where(is_later, spans, held), np.where(is_later, volumes, now + volumes), now_before]).T


class Sums:
    """Volumes of a batch in the order of its groups, added up once: ticks in a row of one span need no look at each."""

    def __init__(self, ticks: Ticks) -> None:
        spans = ticks.grouped_times // SPAN
        self._spans = spans.data
        self._changes: list[int] = changes(spans).tolist()
        self._totals = np.concatenate([np.zeros(1, np.int64), np.cumsum(ticks.grouped_volumes)]).data

    def passed(self, row: Row, begin: int, end: int) -> Row:
        """A row after some ticks of one group of the batch."""
        changes = self._changes[bisect_right(self._changes, begin) : bisect_left(self._changes, end)]
        for first, behind in pairwise((begin, *changes, end)):
            if volume := self._totals[behind] - self._totals[first]:
                row = added(row, self._spans[first], volume)
        return row


def recent(row: Row, time: int) -> int | None:
    if row == UNTOLD:
        return None
    span, now, before = row
    ago = time // SPAN - span
    return now + before if ago <= 0 else now if ago == 1 else 0


def sums(ticks: Ticks) -> Iterator[tuple[Indices, Column, Column]]:
    """Groups of a batch with a span and their shares traded in it; a group whose ticks lie in several spans comes
    again for each, in order. Who has traded nothing is left out.
    """
    if not ticks.column("volume").any():
        return
    groups, spans = ticks.groups, ticks.grouped_times // SPAN
    is_begin = np.zeros(len(spans), bool)
    is_begin[groups.begins] = is_begin[changes(spans)] = True
    begins = np.flatnonzero(is_begin)
    traded = np.add.reduceat(ticks.grouped_volumes, begins)
    group, spans = np.searchsorted(groups.begins, begins, side="right") - 1, spans[begins]
    turn = np.arange(len(group)) - np.searchsorted(group, group)
    for n in range(int(turn.max()) + 1):
        chosen = np.flatnonzero((turn == n) & (traded != 0))
        yield group[chosen], spans[chosen], traded[chosen]

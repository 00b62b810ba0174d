"""Shares traded lately in each instrument, as of a place in the log.

Lately is the part of a five-minute span of market time that has passed, and the span before it: whole numbers that do
not depend on how ticks are batched.
"""

from __future__ import annotations

import numpy as np

from trading.columns import Column, Indices, changes
from trading.session import MINUTE

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
    """As `added`, for each of many rows; where there is no volume nobody has told one."""
    held, now, before = rows.T
    if (spans == held).all():  # nearly always
        return np.column_stack([held, now + volumes, before])
    is_later = spans > held
    now_before = np.where(spans == held + 1, now, np.where(is_later, 0, before))
    added = np.array([np.maximum(spans, held), np.where(is_later, volumes, now + volumes), now_before])
    return np.where(volumes > 0, added, rows.T).T


class Runs:
    """The ticks of a batch in the order of its groups, cut where the span changes: a run is of one instrument and one
    span.
    """

    def __init__(self, groups: Indices, order: Indices, times: Column, volumes: Column) -> None:
        """`groups` says where each begins in the `order`; times and volumes as they came."""
        self._totals = np.zeros(len(volumes) + 1, np.int64)  # volumes of all ticks before one, and of all
        np.cumsum(volumes[order], out=self._totals[1:])
        span = int(times.min()) // SPAN
        if int(times.max()) // SPAN == span:  # nearly always: a run is a group
            self._begins, self._spans = groups, np.full(len(groups), span)
            self._group = self._firsts = np.arange(len(groups))
        else:
            self._cut(groups, times[order] // SPAN)

    def _cut(self, groups: Indices, spans: Column) -> None:
        is_first = np.zeros(len(spans), bool)
        is_first[groups] = True
        is_begin = is_first.copy()
        is_begin[changes(spans)] = True
        self._begins = np.flatnonzero(is_begin)
        is_first = is_first[self._begins]
        self._group, self._firsts = np.cumsum(is_first) - 1, np.flatnonzero(is_first)
        self._spans = spans[self._begins]

    def pass_over(self, rows: Column) -> tuple[Column, Column]:
        """Of rows, one for each group: those before each run, and those behind all ticks."""
        traded = np.diff(self._totals[np.append(self._begins, -1)])
        if len(self._begins) == len(rows):
            return rows, added_all(rows, self._spans, traded)
        before, rows = np.empty((len(self._begins), 3), np.int64), rows.copy()
        turn = np.arange(len(self._group)) - self._firsts[self._group]
        for n in range(int(turn.max(initial=-1)) + 1):
            chosen = np.flatnonzero(turn == n)
            held = before[chosen] = rows[self._group[chosen]]
            rows[self._group[chosen]] = added_all(held, self._spans[chosen], traded[chosen])
        return before, rows

    def at(self, ranks: Indices, before: Column) -> Column:
        """Rows after some ticks, by their indices in the order of the groups."""
        run = np.searchsorted(self._begins, ranks, side="right") - 1
        return added_all(before[run], self._spans[run], self._totals[ranks + 1] - self._totals[self._begins[run]])


def recent(row: Row, time: int) -> int | None:
    if row == UNTOLD:
        return None
    span, now, before = row
    ago = time // SPAN - span
    return now + before if ago <= 0 else now if ago == 1 else 0


def recent_all(rows: Column, times: Column) -> list[int | None]:
    """As `recent`, for each of many rows."""
    held, now, before = rows.T
    ago = times // SPAN - held
    found = np.where(ago <= 0, now + before, np.where(ago == 1, now, 0)).tolist()
    return [None if is_untold else volume for volume, is_untold in zip(found, held == UNTOLD[0], strict=True)]

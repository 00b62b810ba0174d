"""Shares traded lately in each instrument, as of a place in the log.

Lately is the part of a five-minute span of market time that has passed, and the span before it: whole numbers that do
not depend on how ticks are batched.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trading.session import MINUTE
from trading.ticks import Ticks

SPAN = 5 * MINUTE
Row = tuple[int, int, int]  # number of the span, shares traded in it, shares traded in the one before


class Volumes:
    """By instrument id, of those whose ticks have told a volume."""

    def __init__(self, rows: dict[int, Row] | None = None) -> None:
        self.rows: dict[int, Row] = rows or {}

    def add(self, instrument: int, time: int, volume: int) -> None:
        if volume:
            self.rows[instrument] = added(self.rows.get(instrument), time // SPAN, volume)

    def pass_over(self, ticks: Ticks) -> None:
        """As `add` with each of them."""
        if not ticks.column("volume").any():
            return
        for instrument, span, volume in _sums(ticks, 0, len(ticks)):
            if volume:
                self.rows[instrument] = added(self.rows.get(instrument), span, volume)

    def recent(self, instrument: int, time: int) -> int | None:
        """None where no tick has told a volume."""
        return recent(self.rows.get(instrument), time)


def added(row: Row | None, span: int, volume: int) -> Row:
    """A tick that comes late counts where the latest is."""
    if row is None or span > row[0] + 1:
        return span, volume, 0
    if span == row[0] + 1:
        return span, volume, row[1]
    return row[0], row[1] + volume, row[2]


class Sums:
    """Volumes of a batch in the order of its groups, added up once: ticks of one span then need no look at each."""

    def __init__(self, ticks: Ticks) -> None:
        spans = ticks.grouped_times // SPAN
        self._ticks, self._spans = ticks, spans.data
        self._changes = np.cumsum(np.diff(spans, prepend=spans[0]) != 0).data
        self._totals = np.concatenate([np.zeros(1, np.int64), np.cumsum(ticks.grouped_volumes)]).data

    def passed(self, row: Row | None, begin: int, end: int) -> Row | None:
        """A row after some ticks of one group of the batch."""
        if begin == end:
            return row
        if self._changes[begin] == self._changes[end - 1]:
            volume = self._totals[end] - self._totals[begin]
            return added(row, self._spans[begin], volume) if volume else row
        for _, span, volume in _sums(self._ticks, begin, end):
            if volume:
                row = added(row, span, volume)
        return row


def recent(row: Row | None, time: int) -> int | None:
    if row is None:
        return None
    span, now, before = row
    ago = time // SPAN - span
    return now + before if ago <= 0 else now if ago == 1 else 0


def _sums(ticks: Ticks, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Instrument id, span and volume of grouped ticks, those that follow each other in one span together."""
    if begin == end:
        return
    held, spans = ticks.grouped_instruments[begin:end], ticks.grouped_times[begin:end] // SPAN
    changes = np.flatnonzero((held[1:] != held[:-1]) | (spans[1:] != spans[:-1])) + 1
    begins = np.concatenate([np.zeros(1, np.intp), changes])
    sums = np.add.reduceat(ticks.grouped_volumes[begin:end], begins)
    yield from zip(held[begins].tolist(), spans[begins].tolist(), sums.tolist(), strict=True)

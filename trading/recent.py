"""The newest entries of live logs, as shards have read them in this process: their matching needs the last ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import takewhile
from uuid import UUID

from trading.log import Entry

MOST_BYTES, MOST_ENTRIES = 2_000_000, 1_000  # of a shard: 50,000 ticks, or 10,000 with depth; joining more takes longer
MOST_SHARDS = 8
Place = tuple[UUID, int]  # market and number of a shard


class _Read:
    """Entries without a gap between them."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self._bytes = 0

    def add(self, entry: Entry) -> None:
        """What was read from there on is read again."""
        while self.entries and self.entries[-1].last >= entry.first:
            self._bytes -= len(self.entries.pop().data)
        if self.entries and self.entries[-1].last + 1 != entry.first:
            self.entries.clear()
            self._bytes = 0
        self.entries.append(entry)
        self._bytes += len(entry.data)
        while self._bytes > MOST_BYTES or len(self.entries) > MOST_ENTRIES:
            self._bytes -= len(self.entries.popleft().data)

    def covers(self, after: int, until: int) -> bool:
        return bool(self.entries) and self.entries[0].first <= after + 1 and until <= self.entries[-1].last


_read: dict[Place, _Read] = {}  # whoever has read last is the last


def note_read(place: Place, entries: Sequence[Entry]) -> None:
    read = _read[place] = _read.pop(place) if place in _read else _Read()
    for entry in entries:
        read.add(entry)
    while len(_read) > MOST_SHARDS:
        del _read[next(iter(_read))]


def forget_read(place: Place) -> None:
    """Whoever loads a shard may find other ticks under the same numbers: a ledger was put back."""
    _read.pop(place, None)


def newest(place: Place) -> int:
    """The last tick that is known here, 0 for none."""
    return _read[place].entries[-1].last if place in _read and _read[place].entries else 0


def is_recent(place: Place, after: int, until: int) -> bool:
    """Whether all ticks behind one number up to another are known here."""
    return place in _read and _read[place].covers(after, until)


def recent(place: Place, after: int, until: int) -> Sequence[Entry] | None:
    """The entries with these ticks; None where some of them are not known."""
    if not is_recent(place, after, until):
        return None
    newest = list(takewhile(lambda entry: entry.last > after, reversed(_read[place].entries)))
    return [entry for entry in reversed(newest) if entry.first <= until]

"""The last two prices of every instrument, as of a place in the log."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from trading.tick import Tick
from trading.ticks import Ticks
from trading.volumes import Sums, Volumes, recent

Row = tuple[int, int | None, int]


class Known(Protocol):
    """What is known of prices at a tick."""

    def previous(self, instrument: int) -> int | None:
        """The price of the tick before the last one, in 1/10,000 rupee."""

    def marks(self, instruments: frozenset[int] | None = None) -> dict[int, int]:
        """Last prices of some instruments, or of all."""

    def volume(self, instrument: int, time: int) -> int | None:
        """Shares traded lately; None where no tick has told a volume."""


class Prices:
    """By instrument id: last price, the price before it (1/10,000 rupee), and the last tick's time."""

    def __init__(self, rows: Mapping[Any, Sequence[Any]] | None = None) -> None:
        given = rows or {}
        self._rows: dict[int, Row] = {int(key): (row[0], row[1], row[2]) for key, row in given.items()}
        self.volumes = Volumes({int(key): (row[3], row[4], row[5]) for key, row in given.items() if len(row) > 3})

    def update(self, tick: Tick) -> None:
        before = self._rows.get(tick.instrument.id)
        self._rows[tick.instrument.id] = (tick.price_e4, before[0] if before else None, tick.time)
        self.volumes.add(tick.instrument.id, tick.time, tick.volume)

    def pass_over(self, ticks: Ticks) -> None:
        """As `update` with each of them."""
        spans, prices = ticks.groups.spans, ticks.grouped_prices
        for instrument, price, time, _ in ticks.latest.tolist():
            begin, end = spans[instrument]
            previous = int(prices[end - 2]) if end - begin > 1 else self.last(instrument)
            self._rows[instrument] = (price, previous, time)
        self.volumes.pass_over(ticks)

    def last(self, instrument: int) -> int | None:
        row = self._rows.get(instrument)
        return row[0] if row else None

    def previous(self, instrument: int) -> int | None:
        row = self._rows.get(instrument)
        return row[1] if row else None

    def time(self, instrument: int) -> int | None:
        """Exchange time of the last tick, in microseconds."""
        row = self._rows.get(instrument)
        return row[2] if row else None

    def marks(self, instruments: frozenset[int] | None = None) -> dict[int, int]:
        return {key: row[0] for key, row in self._rows.items() if instruments is None or key in instruments}

    def volume(self, instrument: int, time: int) -> int | None:
        return self.volumes.recent(instrument, time)

    def copy(self) -> Prices:
        return Prices(self.dump())

    def dump(self) -> dict[int, list[int | None]]:
        """What JSON gives back, with text for keys, makes the same prices again."""
        return {key: [*row, *self.volumes.rows.get(key, ())] for key, row in self._rows.items()}


class Passing:
    """Prices within a batch: as if those `before` it had been updated with its ticks up to `place`."""

    def __init__(self, before: Prices, ticks: Ticks) -> None:
        self.place = -1
        self._before, self._ticks = before, ticks
        self._groups, self._prices = ticks.groups, ticks.grouped_prices.data  # whose items are whole numbers of Python

    @cached_property
    def _sums(self) -> Sums:
        return Sums(self._ticks)

    def previous(self, instrument: int) -> int | None:
        begin, end = self._groups.spans.get(instrument, (0, 0))
        seen = bisect_right(self._groups.places, self.place, begin, end)
        if seen > begin + 1:
            return self._prices[seen - 2]
        return self._before.last(instrument) if seen > begin else self._before.previous(instrument)

    def marks(self, instruments: frozenset[int] | None = None) -> dict[int, int]:
        found, places, prices = self._before.marks(instruments), self._groups.places, self._prices
        for instrument, (begin, end) in self._groups.spans.items():
            if instruments is None or instrument in instruments:
                seen = bisect_right(places, self.place, begin, end)
                if seen > begin:
                    found[instrument] = prices[seen - 1]
        return found

    def volume(self, instrument: int, time: int) -> int | None:
        row = self._before.volumes.rows.get(instrument)
        begin, end = self._groups.spans.get(instrument, (0, 0))
        seen = bisect_right(self._groups.places, self.place, begin, end)
        return recent(self._sums.passed(row, begin, seen), time)

"""The last two prices of every instrument, as of a place in the log."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, Protocol

from trading.tick import Tick
from trading.ticks import Ticks

Row = tuple[int, int | None, int]


class Known(Protocol):
    """What is known of prices at a tick."""

    def previous(self, instrument: int) -> int | None:
        """The price of the tick before the last one, in 1/10,000 rupee."""

    def marks(self, instruments: frozenset[int] | None = None) -> dict[int, int]:
        """Last prices of some instruments, or of all."""


class Prices:
    """By instrument id: last price, the price before it (1/10,000 rupee), and the last tick's time."""

    def __init__(self, rows: dict[str, list[Any]] | None = None) -> None:
        self._rows: dict[int, Row] = {int(key): (row[0], row[1], row[2]) for key, row in (rows or {}).items()}

    def update(self, tick: Tick) -> None:
        before = self._rows.get(tick.instrument.id)
        self._rows[tick.instrument.id] = (tick.price_e4, before[0] if before else None, tick.time)

    def pass_over(self, ticks: Ticks) -> None:
        """As `update` with each of them."""
        spans, prices = ticks.groups.spans, ticks.grouped_prices
        for instrument, _, price, time in ticks.latest():
            begin, end = spans[instrument]
            previous = int(prices[end - 2]) if end - begin > 1 else self.last(instrument)
            self._rows[instrument] = (price, previous, time)

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

    def copy(self) -> Prices:
        return Prices(self.dump())

    def dump(self) -> dict[str, list[Any]]:
        return {str(key): list(row) for key, row in self._rows.items()}


class Passing:
    """Prices within a batch: as if those `before` it had been updated with its ticks up to `place`."""

    def __init__(self, before: Prices, ticks: Ticks) -> None:
        self.place = -1
        self._before = before
        self._groups, self._prices = ticks.groups, ticks.grouped_prices.data  # whose items are whole numbers of Python

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

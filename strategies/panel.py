"""The windows of one strategy in many instruments at once: a row for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from strategies.arrays import Indices, Prices64
from strategies.indicators import Window
from strategies.packed import packed, unpacked
from strategies.sheet import Sheet

MOST_CELLS = 64  # of its windows that may be touched for each price


class Windows:
    """The last `size` prices of each row, in a ring; a row's `counts` says how many it has had."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.counts = np.zeros(0, np.int64)
        self.values = np.zeros((0, size), np.int64)
        self.largest = 0

    def grow(self, rows: int) -> None:
        more = rows - len(self.counts)
        self.counts = np.concatenate([self.counts, np.zeros(more, np.int64)])
        self.values = np.concatenate([self.values, np.zeros((more, self.size), np.int64)])

    def before(self, sheet: Sheet, back: int, otherwise: Prices64) -> Prices64:
        """The price of the instrument so many before each of a sheet's, at most `size`; or another where none is."""
        if back * len(sheet.rows) > len(sheet):
            return self._all_before(sheet, back, otherwise)
        prices = np.empty_like(sheet.prices)
        prices[back:] = sheet.prices[:-back]
        early = np.flatnonzero(sheet.nth < back)
        rows = sheet.price_rows[early]
        number = self.counts[rows] + sheet.nth[early] - back
        found = self.values.reshape(-1)[self._cells(rows, number)]
        prices[early] = np.where(number >= 0, found, otherwise[early])
        return prices

    def _all_before(self, sheet: Sheet, back: int, otherwise: Prices64) -> Prices64:
        """Where most of them are not in the sheet: a few prices of each of thousands of instruments."""
        numbers = self.counts[sheet.rows] - back
        prices = self.values.reshape(-1)[self._all_cells(sheet, numbers)]
        if numbers.min() < 0:
            prices = np.where(numbers[sheet.group] + sheet.nth >= 0, prices, otherwise)
        if sheet.longest > back:
            prices[back:] = np.where(sheet.nth[back:] < back, prices[back:], sheet.prices[:-back])
        return prices

    def is_full(self, sheet: Sheet) -> Indices:
        """Whether the window would be full with each price."""
        return np.asarray(self.counts[sheet.rows][sheet.group] + sheet.nth + 1 >= self.size)

    def held(self, sheet: Sheet, otherwise: Prices64) -> Prices64:
        """What the windows of a sheet's instruments hold, in no order, a row each; or another where they are empty."""
        values, counts = self.values[sheet.rows], self.counts[sheet.rows]
        return np.where(np.arange(self.size) < counts[:, None], values, otherwise[:, None])

    def keep(self, sheet: Sheet) -> None:
        """Adds a sheet's prices."""
        if sheet.longest <= self.size:
            self.values.reshape(-1)[self._all_cells(sheet, self.counts[sheet.rows])] = sheet.prices
        else:
            kept = np.flatnonzero(sheet.left < self.size)
            rows = sheet.price_rows[kept]
            self.values.reshape(-1)[self._cells(rows, self.counts[rows] + sheet.nth[kept])] = sheet.prices[kept]
        self.counts[sheet.rows] += sheet.lengths
        self.largest = max(self.largest, sheet.largest)

    def _cells(self, rows: Indices, numbers: Indices) -> Indices:
        """Places in the flat values: by two indices and a remainder NumPy takes 5.7 ns for each, this way 2.6."""
        return np.asarray(rows * self.size + numbers - numbers // self.size * self.size)

    def _all_cells(self, sheet: Sheet, numbers: Indices) -> Indices:
        """Those of all prices of a sheet, whose instruments' first ones have these numbers."""
        cells = (numbers % self.size)[sheet.group] + sheet.nth
        cells -= (cells >= self.size) * self.size if sheet.longest <= self.size else cells // self.size * self.size
        return np.asarray(cells + (sheet.rows * self.size)[sheet.group])

    def take(self, row: int, window: Window) -> None:
        values = window.dump()
        self.counts[row] = len(values)
        self.values[row, : len(values)] = values
        self.largest = max([self.largest, *values])

    def dump(self, rows: Indices) -> list[list[int]]:
        """Of each row what its window holds, the oldest first."""
        counts = self.counts[rows]
        values: list[list[int]] = self.values[rows[:, None], self._order(counts)].tolist()
        return [of[max(self.size - count, 0) :] for of, count in zip(values, counts.tolist(), strict=True)]

    def pack(self, rows: Indices) -> dict[str, Any]:
        """What `unpack` makes windows of, with those rows alone: from one price to the next are small numbers."""
        counts = self.counts[rows]
        prices = self.values[rows[:, None], self._order(counts)]
        if (counts < self.size).any():
            is_empty = np.arange(self.size) < self.size - counts[:, None]
            prices = np.where(is_empty, self.values[rows, :1], prices)
        first, steps = packed(prices[:, 0]), packed(np.diff(prices))
        return {"size": self.size, "counts": packed(counts), "first": first, "steps": steps}

    @classmethod
    def unpack(cls, kept: dict[str, Any]) -> Windows:
        windows = cls(kept["size"])
        if "values" in kept:  # as they were saved before: the ring as it is
            windows.counts, values = unpacked(kept["counts"]), unpacked(kept["values"])
            windows.values = values.reshape(-1, windows.size)
            return windows
        counts, first, steps = (unpacked(kept[name]) for name in ("counts", "first", "steps"))
        prices = np.column_stack([first, steps.reshape(len(first), windows.size - 1)])
        windows.counts, windows.values = counts, np.empty_like(prices)
        windows.values[np.arange(len(counts))[:, None], windows._order(counts)] = prices.cumsum(axis=1)
        return windows

    def _order(self, counts: Indices) -> Indices:
        """Where in the ring the prices of rows with so many are, the oldest first; before them what is empty."""
        return np.asarray((counts[:, None] + np.arange(self.size)) % self.size)


class Panel:
    """`windows` by the name of the attribute; `held` is the position wanted so far. A row's state is in here, or else
    with an instance that is asked tick by tick.
    """

    def __init__(self, windows: dict[str, int]) -> None:
        """`windows` gives their sizes."""
        self.windows = {name: Windows(size) for name, size in windows.items()}
        self._held = np.zeros(0, np.int64)
        self._is_inside = np.zeros(0, bool)
        self._rows: dict[int, int] = {}

    def suits(self, sheet: Sheet) -> bool:
        """Whether few cells are touched: otherwise asking one by one is faster."""
        return sum(w.size for w in self.windows.values()) * len(sheet.rows) <= MOST_CELLS * len(sheet)

    def held(self, sheet: Sheet) -> Prices64:
        return self._held[sheet.rows]

    def keep(self, sheet: Sheet) -> None:
        for windows in self.windows.values():
            windows.keep(sheet)

    def bring_in(self, sheet: Sheet, bring: Callable[[int], tuple[dict[str, Window], int]]) -> None:
        """Asks for windows and target of those instruments of a sheet that are not inside."""
        self._grow(int(sheet.rows.max()) + 1)
        for index in np.flatnonzero(~self._is_inside[sheet.rows]).tolist():
            instrument, row = int(sheet.instruments[index]), int(sheet.rows[index])
            windows, self._held[row] = bring(instrument)
            for name, window in windows.items():
                self.windows[name].take(row, window)
            self._is_inside[row], self._rows[instrument] = True, row

    def want(self, instrument: int, position: int) -> None:
        if (row := self._rows.get(instrument)) is not None:
            self._held[row] = position

    def take_out(self, instrument: int) -> dict[str, list[int]] | None:
        """Its windows, which are no longer in here; None when they have not been."""
        row = self._rows.pop(instrument, None)
        if row is None:
            return None
        self._is_inside[row] = False
        return self._dump([row])[0]

    def clear(self) -> None:
        for windows in self.windows.values():
            windows.counts[:] = 0

    def pack(self) -> dict[str, Any]:
        """Targets and windows of all instruments, as `unpacked_states` takes them."""
        rows = np.fromiter(self._rows.values(), np.intp, len(self._rows))
        return {
            "instruments": packed(np.fromiter(self._rows, np.int64, len(self._rows))),
            "targets": packed(self._held[rows]),
            "windows": {name: windows.pack(rows) for name, windows in self.windows.items()},
        }

    def _dump(self, rows: list[int]) -> list[dict[str, list[int]]]:
        found: list[dict[str, list[int]]] = [{} for _ in rows]
        for name, windows in self.windows.items():
            for state, values in zip(found, windows.dump(np.array(rows, np.intp)), strict=True):
                state[name] = values
        return found

    def _grow(self, rows: int) -> None:
        if rows <= len(self._held):
            return
        rows = max(rows, 2 * len(self._held))
        more = rows - len(self._held)
        self._held = np.concatenate([self._held, np.zeros(more, np.int64)])
        self._is_inside = np.concatenate([self._is_inside, np.zeros(more, bool)])
        for windows in self.windows.values():
            windows.grow(rows)


def unpacked_states(kept: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Of what `Panel.pack` gave: target and windows of each instrument."""
    instruments, targets = (unpacked(kept[name]).tolist() for name in ("instruments", "targets"))
    states: list[dict[str, Any]] = [{"target": target} for target in targets]
    for name, windows in kept["windows"].items():
        for state, values in zip(states, Windows.unpack(windows).dump(np.arange(len(states))), strict=True):
            state[name] = values
    return dict(zip(instruments, states, strict=True))

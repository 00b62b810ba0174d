"""The windows of one strategy in many instruments at once: a row for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from strategies.arrays import Indices, Prices64
from strategies.indicators import Window
from strategies.sheet import Sheet
from strategies.tape import Tape
from trading.packed import packed, unpacked

MOST_CELLS = 64  # of its windows that may be touched for each price


class Windows:
    """The last `size` prices of each row: those that the strategy brought with it, then what the tape has had since."""

    def __init__(self, size: int, tape: Tape) -> None:
        self.size = size
        self._tape = tape
        self._since = np.zeros(0, np.int64)  # prices that the tape had had of a row before
        self._had = np.zeros(0, np.int64)  # prices that it brought of a row, the last of them at the row's end
        self._brought = np.zeros((0, size), np.int64)
        self._largest = 0
        self._least = 0  # that the tape has had since of any row taken; it may be more

    @property
    def largest(self) -> int:
        """No price is larger."""
        return max(self._largest, self._tape.largest)

    def grow(self, rows: int) -> None:
        self._tape.lengthen(self.size)
        more = rows - len(self._since)
        self._since, self._had = (np.pad(of, (0, more)) for of in (self._since, self._had))
        self._brought = np.pad(self._brought, ((0, more), (0, 0)))

    def counts(self, rows: Indices) -> Indices:
        """How many prices each row has had, also those that have left its window since it is in here."""
        return np.asarray(self._had[rows] + self._came(rows))

    def before(self, sheet: Sheet, back: int, otherwise: Prices64) -> Prices64:
        """The price of the instrument so many before each of a sheet's, at most `size`; or another where none is."""
        prices = self._tape.before(sheet, back)
        if self._have_come(back):
            return prices
        first = self._came(sheet.rows) - back
        if first.min() < 0:
            early = np.flatnonzero(first[sheet.group] + sheet.nth < 0)
            rows, back_from_end = sheet.price_rows[early], (first[sheet.group] + sheet.nth)[early]
            is_there = back_from_end >= -self._had[rows]
            prices[early] = np.where(is_there, self._brought[rows, back_from_end], otherwise[early])
        return prices

    def is_full(self, sheet: Sheet) -> Indices:
        """Whether the window would be full with each price."""
        return np.asarray(self.counts(sheet.rows)[sheet.group] + sheet.nth + 1 >= self.size)

    def held(self, sheet: Sheet, otherwise: Prices64) -> Prices64:
        """What the windows of a sheet's instruments hold, a row each, the oldest first; or another where they are
        empty.
        """
        return np.where(self._is_empty(self.counts(sheet.rows)), otherwise[:, None], self._last(sheet.rows))

    def take(self, row: int, window: list[int]) -> None:
        """What a row holds from now on."""
        self._since[row], self._had[row], self._least = self._tape.counts[row], len(window), 0
        self._brought[row, self.size - len(window) :] = window
        self._largest = max([self._largest, *window])

    def clear(self) -> None:
        self._since[:], self._had[:], self._least = self._tape.counts[: len(self._since)], 0, 0

    def dump(self, rows: Indices) -> list[list[int]]:
        """Of each row what its window holds, the oldest first."""
        return _lists(self._last(rows), self.counts(rows))

    def pack(self, rows: Indices) -> dict[str, Any]:
        """What `unpacked_windows` reads, with those rows alone: from one price to the next are small numbers."""
        counts, last = np.minimum(self.counts(rows), self.size), self._last(rows)
        if counts.min(initial=self.size) < self.size:
            last = np.where(self._is_empty(counts), last[:, -1:], last)
        first, steps = packed(last[:, 0]), packed(np.diff(last))
        return {"size": self.size, "counts": packed(counts), "first": first, "steps": steps}

    def _have_come(self, count: int) -> bool:
        """Whether the tape has had so many prices since of all its rows. Nobody need count again then."""
        if self._least < count:
            every = len(self._tape.roster)
            self._least = int((self._tape.counts[:every] - self._since[:every]).min(initial=count))
        return self._least >= count

    def _came(self, rows: Indices) -> Indices:
        return np.asarray(self._tape.counts[rows] - self._since[rows])

    def _is_empty(self, counts: Indices) -> Indices:
        return np.asarray(np.arange(self.size, 0, -1) > counts[:, None])

    def _last(self, rows: Indices) -> Prices64:
        """The oldest first; anything where there are fewer."""
        prices, came = self._tape.last(rows, self.size), self._came(rows)
        if came.min(initial=self.size) < self.size:
            back_from_end = np.minimum(came[:, None] - np.arange(self.size, 0, -1), -1)
            is_brought = np.arange(self.size, 0, -1) > came[:, None]
            prices = np.where(is_brought, self._brought[rows[:, None], back_from_end], prices)
        return prices


def unpacked_windows(kept: dict[str, Any]) -> list[list[int]]:
    """Of what `Windows.pack` gave: the prices of each row, the oldest first."""
    size, counts = kept["size"], unpacked(kept["counts"])
    if "values" in kept:  # as they were saved before: in a ring
        places = (counts[:, None] + np.arange(size)) % size
        return _lists(unpacked(kept["values"]).reshape(-1, size)[np.arange(len(counts))[:, None], places], counts)
    first, steps = unpacked(kept["first"]), unpacked(kept["steps"])
    return _lists(np.column_stack([first, steps.reshape(len(first), size - 1)]).cumsum(axis=1), counts)


def _lists(prices: Prices64, counts: Indices) -> list[list[int]]:
    """The last so many of each row."""
    size = prices.shape[1]
    return [of[max(size - count, 0) :] for of, count in zip(prices.tolist(), counts.tolist(), strict=True)]


class Panel:
    """`windows` by the name of the attribute; `held` is the position wanted so far. A row's state is in here, or else
    with an instance that is asked tick by tick.
    """

    def __init__(self, windows: dict[str, int], tape: Tape) -> None:
        """`windows` gives their sizes."""
        self.tape = tape
        self.windows = {name: Windows(size, tape) for name, size in windows.items()}
        self._held = np.zeros(0, np.int64)
        self._is_inside = np.zeros(0, bool)

    def suits(self, sheet: Sheet) -> bool:
        """Whether few cells are touched: otherwise asking one by one is faster."""
        return sum(w.size for w in self.windows.values()) * len(sheet.rows) <= MOST_CELLS * len(sheet)

    def held(self, sheet: Sheet) -> Prices64:
        return self._held[sheet.rows]

    def bring_in(self, sheet: Sheet, bring: Callable[[int], tuple[dict[str, Window], int]]) -> None:
        """Asks for windows and target of those instruments of a sheet that are not inside."""
        self._grow(len(self.tape.counts))
        if self._is_inside[: len(self.tape.roster)].all():
            return
        for index in np.flatnonzero(~self._is_inside[sheet.rows]).tolist():
            instrument, row = int(sheet.instruments[index]), int(sheet.rows[index])
            brought, self._held[row] = bring(instrument)
            for name, windows in self.windows.items():
                windows.take(row, brought[name].dump() if brought else [])
            self._is_inside[row] = True

    def want(self, instrument: int, position: int) -> None:
        if (row := self._row(instrument)) is not None:
            self._held[row] = position

    def take_out(self, instrument: int) -> dict[str, list[int]] | None:
        """Its windows, which are no longer in here; None when they have not been."""
        row = self._row(instrument)
        if row is None:
            return None
        self._is_inside[row] = False
        return self._dump([row])[0]

    def clear(self) -> None:
        for windows in self.windows.values():
            windows.clear()

    def pack(self) -> dict[str, Any]:
        """Targets and windows of all instruments, as `unpacked_states` takes them."""
        rows = np.flatnonzero(self._is_inside)
        return {
            "instruments": packed(self.tape.roster.instruments[rows]),
            "targets": packed(self._held[rows]),
            "windows": {name: windows.pack(rows) for name, windows in self.windows.items()},
        }

    def _row(self, instrument: int) -> int | None:
        """Where an instrument is that is inside."""
        row = self.tape.roster.find(instrument)
        return row if row is not None and row < len(self._is_inside) and self._is_inside[row] else None

    def _dump(self, rows: list[int]) -> list[dict[str, list[int]]]:
        found: list[dict[str, list[int]]] = [{} for _ in rows]
        for name, windows in self.windows.items():
            for state, values in zip(found, windows.dump(np.array(rows, np.intp)), strict=True):
                state[name] = values
        return found

    def _grow(self, rows: int) -> None:
        if more := rows - len(self._held):
            self._held, self._is_inside = np.pad(self._held, (0, more)), np.pad(self._is_inside, (0, more))
            for windows in self.windows.values():
                windows.grow(rows)


def unpacked_states(kept: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Of what `Panel.pack` gave: target and windows of each instrument."""
    instruments, targets = (unpacked(kept[name]).tolist() for name in ("instruments", "targets"))
    states: list[dict[str, Any]] = [{"target": target} for target in targets]
    for name, windows in kept["windows"].items():
        for state, values in zip(states, unpacked_windows(windows), strict=True):
            state[name] = values
    return dict(zip(instruments, states, strict=True))

"""The last two prices of every instrument, as of a place in the log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trading.columns import Column
from trading.marks import Listing, Marks
from trading.packed import packed, unpacked
from trading.roster import Roster
from trading.tick import Tick
from trading.ticks import Ticks
from trading.volumes import SPAN, UNTOLD, added, recent, recent_all

LAST, PREVIOUS, TIME, VOLUMES = 0, 1, 2, slice(3, 6)  # columns; a previous price of 0 is none
NEW = (0, 0, 0, *UNTOLD)
WIDTH = len(NEW)
NONE = np.empty((0, 1 + WIDTH), np.int64)
FEW = 16  # marks that a dict holds; looked up in columns, which are made faster, each takes longer
Listed = tuple[Listing, NDArray[np.intp]]  # instruments, their rows


class Known(Protocol):
    """What is known of prices at a tick."""

    def previous(self, instrument: int) -> int | None:
        """The price of the tick before the last one, in 1/10,000 rupee."""

    def marks(self, listing: Listing | None = None) -> Mapping[int, int]:
        """Last prices of some instruments, or of all."""

    def volume(self, instrument: int, time: int) -> int | None:
        """Shares traded lately; None where no tick has told a volume."""


class Prices:
    """By instrument id: last price, the price before it (1/10,000 rupee), the last tick's time, and volumes."""

    def __init__(self, table: Column = NONE) -> None:
        """Of a `table` with a row for each instrument: its id, and what is known of it."""
        self._roster = Roster()
        self._roster.rows(table[:, 0])
        self._cells = table[:, 1:].copy()

    @staticmethod
    def load(text: str) -> Prices:
        """What `dump` gave, or that of older versions: JSON with a list for each id, which may leave out, or call null,
        what is not known.
        """
        if not text.startswith("{"):
            return Prices(np.stack([unpacked(column) for column in text.split("\n")], axis=1))
        given = [(int(instrument), *(cell or 0 for cell in row)) for instrument, row in json.loads(text).items()]
        table = [row + NEW[len(row) - 1 :] for row in given]
        return Prices(np.array(table, np.int64).reshape(-1, 1 + WIDTH))

    def update(self, tick: Tick) -> None:
        row, cells = self._row(tick.instrument.id), self._cells
        last, _, _, *volumes = cells[row].tolist()
        if tick.volume:
            volumes = added((volumes[0], volumes[1], volumes[2]), tick.time // SPAN, tick.volume)
        cells[row] = (tick.price_e4, last, tick.time, *volumes)

    def rows(self, ticks: Ticks) -> NDArray[np.intp]:
        """Of each of a batch's groups; there is one for each from now on."""
        rows = self._roster.rows(ticks.groups.instruments)
        self._grow()
        return rows

    def cells(self, rows: NDArray[np.intp]) -> Column:
        """What is known of the instruments of some rows."""
        return self._cells.take(rows, axis=0)

    def put(self, rows: NDArray[np.intp], cells: Column) -> None:
        self._cells[rows] = cells

    def column(self) -> Column:
        """Last prices by row; 0 where none is known."""
        return self._cells[:, LAST].copy()

    def previous(self, instrument: int) -> int | None:
        return self._cell(instrument, PREVIOUS) or None

    def time(self, instrument: int) -> int | None:
        """Exchange time of the last tick, in microseconds."""
        return self._cell(instrument, TIME)

    def marks(self, listing: Listing | None = None) -> Mapping[int, int]:
        return _known(self._cells[:, LAST], self.listed(listing))

    def listed(self, listing: Listing | None) -> Listed:
        """Those of some instruments, or of all, that have a row."""
        asked = Listing.of(self._roster) if listing is None else listing
        rows = self._roster.found(asked.instruments)
        is_there = rows >= 0
        return (asked, rows) if is_there.all() else (Listing(asked.instruments[is_there]), rows[is_there])

    def volume(self, instrument: int, time: int) -> int | None:
        row = self._roster.find(instrument)
        span, now, before = UNTOLD if row is None else self._cells[row, VOLUMES].tolist()
        return recent((span, now, before), time)

    def copy(self) -> Prices:
        return Prices(self._table())

    def dump(self) -> str:
        """Text: 9,000 take 1 ms. As JSON they took 7, and PostgreSQL wrote twice as much."""
        table = self._table()
        return "\n".join(map(packed, table[np.argsort(table[:, 0])].T))

    def _table(self) -> Column:
        instruments = self._roster.instruments
        return np.column_stack([instruments, self._cells[: len(instruments)]])

    def _row(self, instrument: int) -> int:
        row = self._roster.row(instrument)
        self._grow()
        return row

    def _cell(self, instrument: int, column: int) -> int | None:
        row = self._roster.find(instrument)
        return None if row is None else int(self._cells[row, column])

    def _grow(self) -> None:
        if (more := len(self._roster) - len(self._cells)) > 0:
            new = np.tile(np.array(NEW, np.int64), (max(more, len(self._cells)), 1))
            self._cells = np.concatenate([self._cells, new])


class Passing:
    """Prices at some places of a batch: as if those `before` it had seen its ticks up to there.

    `index` says at which of the places it is, and only rises. A price before the last and volumes are told of the
    instrument of the tick at the place.
    """

    def __init__(self, before: Prices, ticks: Ticks, places: Sequence[int]) -> None:
        self.index = -1
        self._before, self._ticks, self._places = before, ticks, places
        self._of_groups = before.rows(ticks)  # first of all: from now on there is one for each
        self._passed = 0
        self._listed = cache(before.listed)

    def previous(self, instrument: int) -> int | None:
        return self._previous[self.index] or None

    def marks(self, listing: Listing | None = None) -> Mapping[int, int]:
        prices, last = self._ticks.column("price_e4"), self._last
        new = slice(self._passed, self._places[self.index] + 1)
        last[self._rows[new]] = prices[new]  # of several of one row the last one stays
        self._passed = new.stop
        return _known(last, self._listed(listing))

    def volume(self, instrument: int, time: int) -> int | None:
        return self._volumes[self.index]

    def pass_over(self) -> None:
        """All of the batch: as `Prices.update` with each tick."""
        groups, prices = self._ticks.groups, self._ticks.grouped_prices
        last, is_one = groups.ends - 1, groups.ends - groups.begins == 1
        previous = np.where(is_one, self._held[:, LAST], prices[last - 1])
        times, (_, volumes) = self._ticks.column("time")[groups.order[last]], self._traded
        self._before.put(self._of_groups, np.column_stack([prices[last], previous, times, volumes]))

    @cached_property
    def _held(self) -> Column:
        """What was known before the batch, a row for each of its groups."""
        return self._before.cells(self._of_groups)

    @cached_property
    def _rows(self) -> NDArray[np.intp]:
        """The row of each tick."""
        rows, groups = np.empty(len(self._ticks), np.intp), self._ticks.groups
        rows[groups.order] = np.repeat(self._of_groups, groups.ends - groups.begins)
        return rows

    @cached_property
    def _last(self) -> Column:
        """Prices by row as of the ticks passed."""
        return self._before.column()

    @cached_property
    def _ranks(self) -> NDArray[np.intp]:
        """Of the ticks at the places in the order of the groups."""
        ranks, order = np.empty(len(self._ticks), np.intp), self._ticks.groups.order
        ranks[order] = np.arange(len(order))
        return ranks[self._places]

    @cached_property
    def _previous(self) -> list[int]:
        """0 where none is known."""
        ranks, begins = self._ranks, self._ticks.groups.begins
        group = np.searchsorted(begins, ranks, side="right") - 1
        before, known = self._ticks.grouped_prices[ranks - 1], self._held[group, LAST]
        found: list[int] = np.where(begins[group] == ranks, known, before).tolist()
        return found

    @cached_property
    def _volumes(self) -> list[int | None]:
        rows = self._ticks.runs.at(self._ranks, self._traded[0])
        return recent_all(rows, self._ticks.column("time")[self._places])

    @cached_property
    def _traded(self) -> tuple[Column, Column]:
        """Volumes before each of the batch's runs, and of each of its groups behind all."""
        return self._ticks.runs.pass_over(self._held[:, VOLUMES])


def _known(prices: Column, listed: Listed) -> Mapping[int, int]:
    """Of prices by row those that are there."""
    listing, rows = listed
    last = prices[rows]
    if len(rows) > FEW:
        return Marks(listing, last)
    marks = dict(zip(listing.values, last.tolist(), strict=True))
    return marks if all(marks.values()) else {instrument: price for instrument, price in marks.items() if price}

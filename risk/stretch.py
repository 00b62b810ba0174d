"""Stretches of ticks at which no exit rule strikes, taken in at once: a look at each takes ten microseconds, and they
come by the million. The first that may strike is left to that look.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from risk.exits import ExitRules
from risk.grid import OFF, Grid, RulesOf, at_most
from risk.memory import Memory
from risk.standing import MICRO, rupees
from trading.book import Book
from trading.columns import Column, Indices
from trading.marks import MOST
from trading.session import day_begin
from trading.ticks import Ticks

Flags = NDArray[np.bool_]
FEWEST = 16  # ticks that are taken in at once: that takes as long as a look at so many
SAMPLE, SPAN = 256, 1_024  # ticks that are counted, and those at once
PRICES = 2**40  # 1/10,000 rupee: higher ones are looked at one by one
NEARLY = 1 - 1e-9  # of what is reckoned in floating point


class Equity(NamedTuple):
    """Of a portfolio, in millionths of a rupee: what it is `now`, how far the `peak` lies above that, the change at
    which a day's `loss` is too large, and the fraction of the peak that is a drawdown.
    """

    now: float
    peak: int
    loss: int
    drawdown: float

    @classmethod
    def of(cls, memory: Memory, rules: ExitRules) -> Self:
        left = rules.max_daily_loss and memory.day_start - memory.equity - rules.max_daily_loss
        peak = at_most(memory.peak - memory.equity)
        return cls(float(memory.equity) * MICRO, peak, at_most(left), float(rules.max_drawdown or OFF))


class Shown:
    """Ticks of what is held: `at` is the column of its instrument in the grid, `places` those in the batch. After each:
    how far the price has come from the one before (1/10,000 rupee), and the highest and lowest of its instrument.
    """

    def __init__(self, grid: Grid, ticks: Ticks, begin: int, end: int) -> None:
        ids = ticks.column("instrument")[begin:end]
        columns = np.minimum(np.searchsorted(grid.ids, ids), len(grid.ids) - 1)
        is_held: Flags = np.logical_or.reduce(grid.cells["units"] != 0, axis=0)
        chosen = np.flatnonzero((grid.ids[columns] == ids) & is_held[columns])
        self.places, self.at = chosen + begin, columns[chosen]
        self.prices, self.times = ticks.column("price_e4")[self.places], ticks.column("time")[self.places]
        order = np.argsort(self.at, kind="stable")
        self._follow(order, self.at[order], self.prices[order], grid.marks)

    def _follow(self, order: Indices, own: Indices, prices: Column, marks: Column) -> None:
        """Instrument by instrument."""
        is_first = np.concatenate([[True], own[1:] != own[:-1]])[: len(own)]
        before = np.where(is_first, marks[own], np.roll(prices, 1))
        apart = own * PRICES  # so that extremes of one do not reach into the next
        self.moved, self.highest, self.lowest = (np.empty_like(prices) for _ in range(3))
        self.moved[order] = prices - before
        self.highest[order] = np.maximum.accumulate(prices + apart) - apart
        self.lowest[order] = apart - np.maximum.accumulate(apart - prices)

    def __len__(self) -> int:
        return len(self.places)

    def is_exact(self, grid: Grid) -> bool:
        """Whether whole numbers of 64 bits are."""
        if np.abs(grid.rows["gain"]).max(initial=0) >= MOST:
            return False
        highest = float(max(self.prices.max(initial=0), grid.marks.max(initial=0)))
        return highest < PRICES and highest * np.abs(grid.cells["units"]).sum(dtype=float) < MOST


class Stretch:
    """What ticks make of what is held: after each, gains of the strategies, the best of them, how far equity has come
    and the highest of that.
    """

    def __init__(self, grid: Grid, shown: Shown, equity: Equity) -> None:
        self._grid, self._shown, self._equity = grid, shown, equity
        self._cells = {name: grid.cells[name][:, shown.at] for name in grid.cells.dtype.names or ()}
        moved = self._cells["units"] * shown.moved
        self.gain = grid.rows["gain"] + np.cumsum(moved, axis=1)
        self.best_gain = np.maximum(grid.rows["best_gain"], np.maximum.accumulate(self.gain, axis=1))
        self.change = np.cumsum(moved.sum(axis=0))
        self.top = np.maximum.accumulate(self.change)

    def quiet(self) -> int:
        """How many ticks pass before the first at which a rule may strike."""
        day, times = self._grid.day, self._shown.times
        strikes = (times < day_begin(day)) | (times >= day_begin(day + 1)) | self._of_portfolio()
        strikes |= (self._of_positions() | self._of_trails() | self._of_strategies()).any(axis=0)
        return int(strikes.argmax()) if strikes.any() else len(strikes)

    def _of_portfolio(self) -> Flags:
        equity, top = self._equity, np.maximum(self.top, self._equity.peak)
        is_drawdown = top - self.change >= equity.drawdown * NEARLY * (equity.now + top) - 1
        strikes: Flags = (self.change <= equity.loss) | is_drawdown
        return strikes

    def _of_strategies(self) -> Flags:
        bounds = self._grid.rows
        is_fallen = self.best_gain - self.gain >= bounds["fall"]
        strikes: Flags = (self.gain <= bounds["stop"]) | (self.gain >= bounds["target"]) | is_fallen
        return strikes

    def _of_positions(self) -> Flags:
        cells, worth = self._cells, self._cells["units"] * self._shown.prices
        strikes: Flags = (worth <= cells["low"]) | (worth >= cells["high"]) | (self._shown.times >= cells["until"])
        return strikes

    def _of_trails(self) -> Flags:
        cells, shown, is_long = self._cells, self._shown, self._cells["units"] > 0
        best = np.where(is_long, np.maximum(cells["best"], shown.highest), np.minimum(cells["best"], shown.lowest))
        fallen = np.where(is_long, best - shown.prices, shown.prices - best)
        strikes: Flags = fallen >= cells["trail"] * NEARLY * best
        return strikes

    def take_in(self, memory: Memory, book: Book, count: int) -> None:
        """What the first so many ticks leave behind, as if each had been looked at."""
        if not count:
            return
        grid, shown, last = self._grid, self._shown, np.full(len(self._grid.ids), -1)
        last[shown.at[:count]] = np.arange(count)
        columns = np.flatnonzero(last >= 0)
        prices = [found[last[columns]] for found in (shown.prices, shown.highest, shown.lowest)]
        grid.pass_by(columns, *prices)
        grid.rows["gain"], grid.rows["best_gain"] = self.gain[:, [count - 1]], self.best_gain[:, [count - 1]]
        for column, *of in zip(columns.tolist(), *(found.tolist() for found in prices), strict=True):
            memory.pass_by(grid.instruments[column], *of)
        for strategy, best in zip(grid.strategies, self.best_gain[:, count - 1].tolist(), strict=True):
            memory.best_gain[strategy] = rupees(best)
        memory.pass_equity(book, rupees(int(self.top[count - 1])))


class Stretches:
    """Of a watch with its book; `looked_at` are instruments of which it has looked at a tick since."""

    def __init__(self, book: Book, rules_of: RulesOf) -> None:
        self.looked_at: set[int] = set()
        self._book = book
        self._rules_of = rules_of
        self._grid: Grid | None = None
        self._rest = 0

    def skip(self, memory: Memory, ticks: Ticks, begin: int, end: int) -> int:
        """From a place on, takes in all ticks up to the first at which a rule may strike or an order may fill, or to
        the end; returns its place. Where the first is one, so many are left to a look at each.
        """
        self._rest -= 1
        if self._rest >= 0 or not self._are_many(ticks, begin, end):
            return begin
        grid = self._grid_now(memory)
        place = ticks.find(self._book.working.of.keys() | grid.raw, begin, end)
        end = end if place is None else place
        if end - begin < FEWEST:
            return begin
        place = self._pass_over(grid, memory, ticks, begin, end)
        self._rest = FEWEST if place == begin else 0
        return place

    def _are_many(self, ticks: Ticks, begin: int, end: int) -> bool:
        """Ticks of what is held, as far as the first tell: so many that it is no loss to take them in at once."""
        few = FEWEST if self._grid else max(FEWEST, len(self._book.positions) // 2)
        if end - begin < few:
            return False
        some = ticks.column("instrument")[begin : min(end, begin + SAMPLE)].tolist()
        return sum(map(self._book.held.__contains__, some)) * (end - begin) >= few * len(some)

    def _grid_now(self, memory: Memory) -> Grid:
        """That of the day, with what has been looked at since."""
        if self._grid is None or self._grid.day != memory.day:
            self._grid = Grid(memory, self._rules_of)
        for instrument in self.looked_at:
            self._grid.renew(instrument, memory)
        self.looked_at.clear()
        return self._grid

    def _pass_over(self, grid: Grid, memory: Memory, ticks: Ticks, begin: int, end: int) -> int:
        while grid.instruments and begin < end:
            stop = min(begin + SPAN, end)
            shown, equity = Shown(grid, ticks, begin, stop), Equity.of(memory, self._rules_of(None, None))
            if not shown.is_exact(grid) or equity.peak >= MOST:
                return begin
            stretch = Stretch(grid, shown, equity)
            quiet = stretch.quiet()
            stretch.take_in(memory, self._book, quiet)
            if quiet < len(shown):
                return int(shown.places[quiet])
            begin = stop
        return end

"""What the look after each tick must remember of a portfolio, in and out of JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from risk.standing import Held, Standing, rupees
from trading.book import ZERO, Book
from trading.session import india_day
from trading.tick import Tick


@dataclass(frozen=True, slots=True)
class Entry:
    """Since a position was opened: its sign, the best price in 1/10,000 rupee, and the day in India it began."""

    sign: int
    best_e4: int
    day: int


@dataclass(slots=True)
class Memory:
    """`equity` is that after the last look, `day_start` that before the first look of `day`.

    While nothing is held or working nothing is looked at, and equity does not move. `base` is the profit and loss
    of a strategy when it was last flat, `best_gain` the most it gained since; `tried` says when an exit was last
    asked for. Before `from_tick` the rules only remember; `flattening` are the first ticks of flattening halts by id.
    """

    equity: Decimal
    peak: Decimal
    day_start: Decimal
    day: int = -1
    from_tick: int = 0
    marks: dict[int, int] = field(default_factory=dict)
    entries: dict[Held, Entry] = field(default_factory=dict)
    tried: dict[Held, int] = field(default_factory=dict)
    base: dict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    best_gain: dict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    flattening: dict[int, int] = field(default_factory=dict)
    _standing: Standing | None = field(default=None, init=False)

    @classmethod
    def of(cls, book: Book, from_tick: int = 0) -> Memory:
        """Begins now: what has been gained and lost so far is not asked about, but the highest equity is."""
        equity = book.valued({}).equity
        memory = cls(equity, max(book.peak_equity, book.starting_cash, equity), equity, from_tick=from_tick)
        for (strategy, _), position in book.positions.items():
            memory.base[strategy] += position.realised - position.charges
        return memory

    def note(self, book: Book, tick: Tick) -> Collection[int]:
        """Takes in a tick whose fills are booked. Returns the strategies of which anything may be another: all of them
        at the first.
        """
        day, instrument = india_day(tick.time), tick.instrument.id
        if day > self.day:
            self.day, self.day_start = day, self.equity
        self.marks[instrument] = tick.price_e4
        moved = self._moved(book, instrument)
        self.equity = book.cash + rupees(self.standing.worth)
        self.peak = max(self.peak, self.equity)
        book.peak_equity = max(book.peak_equity, self.peak)
        for strategy in self.standing.owners.get(instrument, ()):
            self._note_position((strategy, instrument), tick.price_e4, day)
        for strategy in moved:
            self._note_strategy(strategy)
        return moved

    def pass_by(self, instrument: int, mark_e4: int, highest_e4: int, lowest_e4: int) -> None:
        """Takes in ticks of what is held of an instrument, at which nothing was to be done: the last price and the
        extremes; `pass_equity` comes behind.
        """
        self.marks[instrument] = mark_e4
        for strategy in self.standing.note(instrument):
            is_long = self.standing.parts[strategy, instrument].units > 0
            self._note_position((strategy, instrument), highest_e4 if is_long else lowest_e4, self.day)

    def pass_equity(self, book: Book, highest: Decimal) -> None:
        """`highest` is how far above where it was it has been."""
        self.peak = max(self.peak, self.equity + highest)
        self.equity = book.cash + rupees(self.standing.worth)
        book.peak_equity = max(book.peak_equity, self.peak)

    def go_on(self) -> None:
        """With the next fills of the same book."""
        if self._standing:
            self._standing.seen_fills = 0

    @property
    def has_looked(self) -> bool:
        return self._standing is not None

    @property
    def standing(self) -> Standing:
        assert self._standing is not None, "nothing was looked at"
        return self._standing

    def gained(self, strategy: int) -> Decimal:
        """Net of charges, since the strategy was last flat."""
        return rupees(self.standing.net[strategy]) - self.base[strategy]

    def restart(self) -> None:
        """A person has looked: the day's loss and the drawdown count from here."""
        self.day_start = self.peak = self.equity

    def _moved(self, book: Book, instrument: int) -> Collection[int]:
        if self._standing is None:
            self._standing = Standing(book, self.marks)
            return list(self._standing.net)
        return self._standing.note(instrument)

    def _note_position(self, held: Held, price_e4: int, day: int) -> None:
        units = self.standing.parts[held].units
        sign = (units > 0) - (units < 0)
        entry = self.entries.get(held)
        if not sign:
            self.entries.pop(held, None)
            self.tried.pop(held, None)
        elif entry is None or entry.sign != sign:
            self.entries[held] = Entry(sign, price_e4, day)
        elif (price_e4 - entry.best_e4) * sign > 0:
            self.entries[held] = Entry(sign, price_e4, entry.day)

    def _note_strategy(self, strategy: int) -> None:
        if self.standing.held[strategy]:
            self.best_gain[strategy] = max(self.best_gain[strategy], self.gained(strategy))
        else:
            self.base[strategy], self.best_gain[strategy] = rupees(self.standing.net[strategy]), ZERO

    def dump(self) -> dict[str, Any]:
        return {
            "equity": str(self.equity),
            "peak": str(self.peak),
            "day_start": str(self.day_start),
            "day": self.day,
            "from_tick": self.from_tick,
            "marks": list(self.marks.items()),
            "entries": [[*held, e.sign, e.best_e4, e.day] for held, e in self.entries.items()],
            "flattening": list(self.flattening.items()),
            "tried": [[*held, time] for held, time in self.tried.items()],
            "base": [[strategy, str(amount)] for strategy, amount in self.base.items()],
            "best_gain": [[strategy, str(amount)] for strategy, amount in self.best_gain.items()],
        }

    @classmethod
    def load(cls, state: dict[str, Any]) -> Memory:
        memory = cls(Decimal(state["equity"]), Decimal(state["peak"]), Decimal(state["day_start"]))
        memory.day, memory.from_tick = state["day"], state["from_tick"]
        memory.marks.update(state["marks"])
        memory.flattening.update(state["flattening"])
        memory.entries.update({(s, i): Entry(*rest) for s, i, *rest in state["entries"]})
        memory.tried.update({(s, i): time for s, i, time in state["tried"]})
        for name in ("base", "best_gain"):
            getattr(memory, name).update({s: Decimal(amount) for s, amount in state[name]})
        return memory

"""What the look after each tick must remember of a portfolio, in and out of JSON."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from portfolio.position import Position
from trading.book import ZERO, Book
from trading.instrument import from_e4
from trading.session import india_day
from trading.tick import Tick

Held = tuple[int, int]  # ordinal of the strategy, instrument id


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

    @classmethod
    def of(cls, book: Book, from_tick: int = 0) -> Memory:
        """Begins now: what has been gained and lost so far is not asked about, but the highest equity is."""
        equity = book.valued({}).equity
        memory = cls(equity, max(book.peak_equity, book.starting_cash, equity), equity, from_tick=from_tick)
        for (strategy, _), position in book.positions.items():
            memory.base[strategy] += position.realised - position.charges
        return memory

    def note(self, book: Book, tick: Tick) -> None:
        """Takes in a tick whose fills are booked."""
        day = india_day(tick.time)
        if day > self.day:
            self.day, self.day_start = day, self.equity
        self.marks[tick.instrument.id] = tick.price_e4
        self.equity = book.valued(self.marks).equity
        self.peak = max(self.peak, self.equity)
        book.peak_equity = max(book.peak_equity, self.peak)
        self._note_positions(book, tick, day)
        for strategy in {strategy for strategy, _ in book.positions}:
            self._note_strategy(book, strategy)

    def gained(self, book: Book, strategy: int) -> Decimal:
        """Net of charges, since the strategy was last flat."""
        return self._net(book, strategy) - self.base[strategy]

    def restart(self) -> None:
        """A person has looked: the day's loss and the drawdown count from here."""
        self.day_start = self.peak = self.equity

    def _note_positions(self, book: Book, tick: Tick, day: int) -> None:
        for held, position in book.positions.items():
            if held[1] == tick.instrument.id:
                self._note_position(held, position, tick.price_e4, day)

    def _note_position(self, held: Held, position: Position, price_e4: int, day: int) -> None:
        sign = (position.quantity > 0) - (position.quantity < 0)
        entry = self.entries.get(held)
        if not sign:
            self.entries.pop(held, None)
            self.tried.pop(held, None)
        elif entry is None or entry.sign != sign:
            self.entries[held] = Entry(sign, price_e4, day)
        elif (price_e4 - entry.best_e4) * sign > 0:
            self.entries[held] = Entry(sign, price_e4, entry.day)

    def _note_strategy(self, book: Book, strategy: int) -> None:
        if any(p.quantity for (owner, _), p in book.positions.items() if owner == strategy):
            self.best_gain[strategy] = max(self.best_gain[strategy], self.gained(book, strategy))
        else:
            self.base[strategy], self.best_gain[strategy] = self._net(book, strategy), ZERO

    def _net(self, book: Book, strategy: int) -> Decimal:
        own = [(held, p) for (owner, held), p in book.positions.items() if owner == strategy]
        return sum((p.realised - p.charges + self._unrealised(held, p) for held, p in own), ZERO)

    def _unrealised(self, instrument: int, position: Position) -> Decimal:
        mark = self.marks.get(instrument)
        return position.unrealised(from_e4(mark)) if mark is not None and position.quantity else ZERO

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

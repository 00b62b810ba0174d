"""What positions are worth and what strategies have made, kept up from tick to tick: a tick moves what is held of its
instrument alone, and thousands of positions may be held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from portfolio.position import Position
from trading.book import Book

MICRO = 1_000_000  # amounts are booked with six decimals, prices have four: whole numbers are exact
E4 = 100  # millionths of a rupee in 1/10,000
Held = tuple[int, int]  # ordinal of the strategy, instrument id


def micros(rupees: Decimal) -> int:
    return int(rupees * MICRO)


def rupees(micros: int) -> Decimal:
    return Decimal(micros).scaleb(-6)


class Part(msgspec.Struct, frozen=True, gc=False):
    """A position in millionths of a rupee: `units` is what 1/10,000 rupee of its price is worth, `fixed` what no price
    moves of its profit; `worth` and `net` profit are those at the last price.
    """

    position: Position
    units: int
    fixed: int
    worth: int
    net: int

    @classmethod
    def of(cls, position: Position, mark_e4: int | None) -> Part:
        """Nothing has a price before its first tick: it is worth what was paid then, and gains nothing."""
        units = position.quantity * position.multiplier * E4
        booked, cost = micros(position.realised - position.charges), micros(position.cost)
        if mark_e4 is not None:
            return cls(position, units, booked - cost, worth := units * mark_e4, booked - cost + worth)
        paid = micros(position.average_price or Decimal(0)) * position.quantity * position.multiplier
        return cls(position, units, booked - cost, paid, booked)

    def at(self, mark_e4: int) -> Part:
        worth = self.units * mark_e4
        return Part(self.position, self.units, self.fixed, worth, self.fixed + worth)


class Standing:
    """Of a book at last prices by instrument (1/10,000 rupee), in millionths of a rupee: `worth` of all positions,
    `net` profit by strategy; `held` is how many positions a strategy has, `owners` are the strategies that have traded
    an instrument.
    """

    def __init__(self, book: Book, marks: Mapping[int, int]) -> None:
        self.worth = 0
        self.net: Counter[int] = Counter()
        self.held: Counter[int] = Counter()
        self.owners: dict[int, list[int]] = {}
        self.parts: dict[Held, Part] = {}
        self._book, self._marks, self.seen_fills = book, marks, len(book.fills)
        for held, position in book.positions.items():
            self.owners.setdefault(held[1], []).append(held[0])
            self._put(held, Part.of(position, marks.get(held[1])))

    def note(self, instrument: int) -> list[int]:
        """After a tick whose fills are booked. Returns the strategies that have traded it."""
        self._note_fills()
        owners = self.owners.get(instrument, [])
        for strategy in owners:
            self._note_position((strategy, instrument), self._marks[instrument])
        return owners

    def _note_fills(self) -> None:
        fills = self._book.fills
        for fill in fills[self.seen_fills :]:
            owners = self.owners.setdefault(fill.instrument.id, [])
            if fill.strategy not in owners:
                owners.append(fill.strategy)
        self.seen_fills = len(fills)

    def _note_position(self, held: Held, mark_e4: int) -> None:
        part, position = self.parts.get(held), self._book.positions[held]
        is_as_before = part is not None and part.position is position
        self._put(held, part.at(mark_e4) if part and is_as_before else Part.of(position, mark_e4))

    def _put(self, held: Held, part: Part) -> None:
        before = self.parts.get(held)
        if before is not None:
            self.worth -= before.worth
            self.net[held[0]] -= before.net
            self.held[held[0]] -= bool(before.units)
        self.parts[held] = part
        self.worth += part.worth
        self.net[held[0]] += part.net
        self.held[held[0]] += bool(part.units)

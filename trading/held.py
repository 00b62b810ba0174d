"""Books of portfolios as this process left them: one that holds thousands of positions is opened at every task."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from portfolio.models import Portfolio
from portfolio.position import Position
from trading.book import Book
from trading.charges import micro

MOST, BOOK = 200_000, 10  # positions that are kept: 100 MB; so many does a book count for itself
_held: dict[int, Held] = {}  # the portfolio that was opened last is the last


class Held(NamedTuple):
    """A book as it was committed with a version of its portfolio's positions, and with so much cash: nearly every fill
    moves that, also one by somebody who knows no versions, or in a ledger that was put back.
    """

    version: int
    cash: Decimal
    book: Book | None

    def is_of(self, portfolio: Portfolio) -> bool:
        return (self.version, self.cash) == (portfolio.book_version, portfolio.cash)


NOTHING = Held(-1, Decimal(0), None)


def take(portfolio_id: int) -> Held:
    """Whoever takes a book may change it, and gives it back when that is committed."""
    return _held.pop(portfolio_id, NOTHING)


def now(portfolio_id: int) -> Held:
    """Another one, or NOTHING, after whoever has taken it since."""
    return _held.get(portfolio_id, NOTHING)


def give_back(portfolio: Portfolio, book: Book) -> None:
    """With the decimals that the ledger has."""
    for fill in book.fills:
        whose = fill.strategy, fill.instrument.id
        book.positions[whose] = _stored(book.positions[whose])
    _held[portfolio.pk] = Held(portfolio.book_version, portfolio.cash, book)
    while sum(BOOK + len(held.book.positions) for held in _held.values() if held.book) > MOST:
        del _held[next(iter(_held))]


def renewed(book: Book, terms: Mapping[str, Any]) -> Book:
    """The positions as they are, everything else as it is stored now."""
    for name, value in terms.items():
        setattr(book, name, value)
    book.instruments, book.closed, book.fills, book.is_watched = {}, [], [], False
    return book


def _stored(position: Position) -> Position:
    return Position(
        quantity=position.quantity,
        cost=micro(position.cost),
        realised=micro(position.realised),
        charges=micro(position.charges),
        multiplier=position.multiplier,
    )

"""Watches of this process between two decidings: whether any exit rule strikes is seen without a transaction, from
where a portfolio was left. What does strike is decided from the rows, as ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import monotonic

from alphapanda.at_once import at_once
from portfolio.models import Portfolio
from risk.watch import Watch
from strategies.signal import Signal
from trading import held
from trading.advance import advance
from trading.book import Book
from trading.log import joined
from trading.recent import Place, newest, recent
from trading.reference import INSTRUMENTS

SECONDS = 1.0  # then a clock moves all the same: from it on rules that have changed hold, and after a crash all begins
MOST, WATCH = 50_000, 10  # positions that are known, at a kilobyte each; so many does a watch count for itself


@dataclass(slots=True)
class Outlook:
    """A watch as it was committed with a book and its `clock`, and until when (of the monotonic clock) that will do;
    `seen` is how far it has looked since.
    """

    held: held.Held
    watch: Watch
    clock: int
    until: float
    seen: int
    is_quiet: bool = True

    def holds(self, portfolio_id: int, clock: int) -> bool:
        """Nobody has worked on the portfolio since, here or elsewhere: that would have moved its clock."""
        return self.held is held.now(portfolio_id) and self.clock == clock and monotonic() < self.until


_known: dict[int, Outlook] = {}  # the portfolio that was decided last is the last


def note_outlook(portfolio: Portfolio, watch: Watch) -> None:
    """After the commit in which the book was given back."""
    _known.pop(portfolio.pk, None)
    clock = watch.book.clock
    _known[portfolio.pk] = Outlook(held.now(portfolio.pk), watch, clock, monotonic() + SECONDS, clock)
    while sum(WATCH + len(known.watch.book.positions) for known in _known.values()) > MOST:
        del _known[next(iter(_known))]


def take_outlook(portfolio: Portfolio, book: Book) -> Outlook | None:
    """For whoever has locked the portfolio and opened its book; None where it is not as this process left it."""
    known = _known.pop(portfolio.pk, None)
    is_so = known and known.is_quiet and known.watch.book is book and known.clock == portfolio.clock
    return known if is_so else None


def is_quiet(portfolio_id: int, place: Place, clock: int) -> bool | None:
    """Whether no order of a portfolio fills and no rule strikes at any tick that its shard has read here behind its
    `clock`. None where that is not known.
    """
    known = _known.get(portfolio_id)
    if known is None or not known.holds(portfolio_id, clock):
        return None
    if known.is_quiet:
        looked = at_once(portfolio_id, partial(_passes, known, known.watch.book, place))
        if looked is None:
            del _known[portfolio_id]  # deciding fails too, and tells
            return None
        known.is_quiet = looked
    return known.is_quiet


def _passes(known: Outlook, book: Book, place: Place) -> bool:
    struck: list[Signal] = []
    entries = recent(place, book.clock, until := newest(place))
    if entries is None:
        return False
    for entry in joined(entries):
        ticks = entry.ticks(INSTRUMENTS).between(book.clock, until)
        if ticks.find(book.working.of.keys(), 0, len(ticks)) is not None:
            return False
        advance(book, [ticks], [], ticks.last, struck.append, known.watch)
    known.seen = book.clock
    return not struck and known.watch.broken_at is None

"""A portfolio's book, loaded under its lock and saved in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from alphapanda import bulk
from alphapanda.connection import connection
from alphapanda.events import publish
from alphapanda.prepared import prepared
from alphapanda.rows import new
from alphapanda.statements import Asked, ask, nothing, together, write
from portfolio.models import Portfolio, Position
from strategies.models import Control, Strategy
from trading import held, models, records
from trading.awaited import note_awaited
from trading.book import Book
from trading.charges import Product, RatesTable
from trading.gaps import note_missed
from trading.held import NOTHING, Held
from trading.log import MarketLog, joined
from trading.markets import is_replay
from trading.order import OrderStatus
from trading.paper import PaperTerms
from trading.recent import recent
from trading.reference import INSTRUMENTS, charge_rates, rates_value
from trading.ticks import Ticks
from trading.working import Working


@dataclass(slots=True)
class OpenBook:
    """A book with the rows that it came from; `ids` are the strategies' ids by ordinal, `ends` the controls that end
    one and are not settled, in order.
    """

    portfolio: Portfolio
    book: Book
    orders: dict[UUID, models.Order]
    ids: dict[int, int]
    ordinals: dict[int, int]
    ends: list[Control]

    def ordinal(self, strategy_id: int) -> int:
        return self.ordinals[strategy_id]


def locked(portfolio_id: int) -> Portfolio:
    """Call it first in a transaction: whoever decides, matches or cancels for a portfolio waits here."""
    for portfolio in _locked(portfolio_id):
        return portfolio
    raise Portfolio.DoesNotExist(f"portfolio {portfolio_id}")


@prepared
def _locked(portfolio: int) -> QuerySet[Portfolio]:
    return Portfolio.objects.select_for_update(no_key=True).filter(pk=portfolio)


# Where others have what is needed, whoever has no time gives up.
_HURRY = "SET LOCAL lock_timeout = '10ms'"


def locked_book(
    portfolio_id: int, *more: Asked[Any], waits: bool = True, first: Callable[[], None] = nothing
) -> OpenBook:
    """As `locked` and `open_book`; and what else is asked is answered. What is written `first` goes before the lock.
    Errors: OperationalError when this transaction does not wait and comes to what another has locked.
    """

    def begin() -> None:
        if not waits:
            write(_HURRY, [])
        first()

    known = held.take(portfolio_id)
    portfolio, parts = _locked.later(portfolio_id), _Parts.of(portfolio_id, known)
    ask(portfolio, *parts, *more, first=begin)
    if not portfolio.rows:
        raise Portfolio.DoesNotExist(f"portfolio {portfolio_id}")
    opened = _opened(portfolio.rows[0], parts, known)
    transaction.on_commit(lambda: held.give_back(opened.portfolio, opened.book))
    return opened


def open_book(portfolio: Portfolio) -> OpenBook:
    parts = _Parts.of(portfolio.pk)
    ask(*parts)
    return _opened(portfolio, parts)


class _Parts(NamedTuple):
    strategies: Asked[tuple[int, int]]
    working: Asked[models.Order]
    positions: Asked[tuple[Any, ...]]
    ends: Asked[Control]
    rates: Asked[models.ChargeRate]

    @classmethod
    def of(cls, portfolio: int, known: Held = NOTHING) -> Self:
        """Without the positions, where they are `known`."""
        return cls(
            _strategies.later(portfolio),
            _working.later(portfolio),
            _positions.later(portfolio, known.version, known.cash),
            _ends.later(portfolio),
            charge_rates.later(),
        )


def _opened(portfolio: Portfolio, parts: _Parts, known: Held = NOTHING) -> OpenBook:
    ids = dict(parts.strategies.rows)
    ordinals = {pk: ordinal for ordinal, pk in ids.items()}
    orders = {row.pk: row for row in parts.working.rows}
    terms: dict[str, Any] = {
        "starting_cash": portfolio.starting_cash,
        "rates_on": RatesTable(map(rates_value, parts.rates.rows)),
        "product": Product(portfolio.product),
        "terms": PaperTerms(portfolio.slippage_bps, portfolio.latency_ms),
        "cash": portfolio.cash,
        "clock": portfolio.clock,
        "peak_equity": portfolio.peak_equity,
        "working": Working(records.order_value(row, ordinals[row.strategy_id]) for row in orders.values()),
    }
    if known.book and known.is_of(portfolio):
        book = held.renewed(known.book, terms)
    else:
        positions = {(ordinals[s], i): records.position(i, *of) for s, i, *of in parts.positions.rows}
        book = Book(**terms, positions=positions)
    return OpenBook(portfolio, book, orders, ids, ordinals, parts.ends.rows)


@prepared
def _strategies(portfolio: int) -> QuerySet[Strategy, tuple[int, int]]:
    return Strategy.objects.filter(portfolio=portfolio).values_list("ordinal", "pk")


@prepared
def _working(portfolio: int) -> QuerySet[models.Order]:
    working = models.Order.objects.filter(portfolio=portfolio, status=OrderStatus.OPEN)
    return working.order_by("placed_tick", "placed_n")


@prepared
def _positions(portfolio: int, version: int, cash: Decimal) -> QuerySet[Position, tuple[Any, ...]]:
    others = Position.objects.filter(portfolio=portfolio).exclude(portfolio__book_version=version, portfolio__cash=cash)
    return others.values_list("strategy", "instrument", "quantity", "cost", "realised", "charges")


@prepared
def _ends(portfolio: int) -> QuerySet[Control]:
    ends = Control.objects.filter(kind__in=[Control.Kind.STOP, Control.Kind.QUARANTINE], is_settled=False)
    return ends.filter(strategy__portfolio=portfolio, from_tick__isnull=False).order_by("from_tick", "pk")


def ticks_for(opened: OpenBook, after: int, until: int, watched: Set[int]) -> Iterable[Ticks]:
    """The log's ticks that an advance needs which looks at these instruments: none when none of them has ticked, where
    the feed does not wait. Errors: LogGapError when a replay's log must be read again first.

    A live log may have lost some: that is a recorded gap, and orders meet the next tick there is.
    """
    market = opened.portfolio.market_id
    if after >= until:
        return ()
    if is_replay(market):
        return MarketLog(connection(), market).between(after, until, INSTRUMENTS)
    if (known := recent((market, opened.portfolio.shard), after, until)) is not None:
        return (entry.ticks(INSTRUMENTS).between(after, until) for entry in joined(known))
    log = MarketLog(connection(), market)
    if not log.have_ticked(watched, after):
        return ()
    missed = partial(note_missed, market, f"portfolio {opened.portfolio.pk}")
    return log.available(after, until, INSTRUMENTS, missed)


def save_clock(opened: OpenBook) -> None:
    """Where an advance has moved nothing else."""
    with together(is_last=True):
        may_be_lost(opened)
        save_book(opened)


def may_be_lost(opened: OpenBook) -> None:
    """A transaction that moves a clock alone does not wait for the disk. What a crash of PostgreSQL takes is worked out
    again, the same; nothing committed later outlives it. A replay's clocks must last: its log is trimmed up to them.
    """
    if not is_replay(opened.portfolio.market_id):
        write("SET LOCAL synchronous_commit = off", [])


def save_book(opened: OpenBook, placed: Iterable[models.Order] = ()) -> None:
    """Writes what an advance has changed: the last of a transaction. `placed` are rows of new orders, in the order of
    their place.
    """
    with together(is_last=True):
        made = list(placed)
        _save_orders(opened, made)
        fills = [records.fill_row(fill, opened.orders[fill.order]) for fill in opened.book.fills]
        bulk.insert(fills)
        _save_positions(opened)
        _save_portfolio(opened)
    closed = [opened.orders[order.id] for order in opened.book.closed]
    transaction.on_commit(lambda: note_awaited(opened.portfolio, opened.book))
    transaction.on_commit(lambda: publish(records.events(fills, closed)))


def _save_orders(opened: OpenBook, made: Sequence[models.Order]) -> None:
    values = {order.id: order for order in [*opened.book.working, *opened.book.closed]}
    bulk.insert([records.order_row(values[row.pk], row) for row in made])
    bulk.update([row for pk, row in opened.orders.items() if records.move(row, values[pk])], records.MOVING)
    opened.orders.update({row.pk: row for row in made})


def _save_portfolio(opened: OpenBook) -> None:
    portfolio, book = opened.portfolio, opened.book
    portfolio.cash, portfolio.clock, portfolio.peak_equity = book.cash, book.clock, book.peak_equity
    portfolio.book_version += bool(book.fills)
    bulk.update([portfolio], ("cash", "clock", "peak_equity", "book_version"))


def _save_positions(opened: OpenBook) -> None:
    marks = {fill.instrument.id: fill.price for fill in opened.book.fills}
    touched = {(fill.strategy, fill.instrument.id) for fill in opened.book.fills}
    moved = [_position_row(opened, *whose, marks) for whose in sorted(touched)]
    bulk.put(moved, ("strategy_id", "instrument_id"), ("quantity", "cost", "realised", "charges", "mark"))


def _position_row(opened: OpenBook, strategy: int, instrument: int, marks: Mapping[int, Decimal]) -> Position:
    value = opened.book.positions[strategy, instrument]
    return new(
        Position,
        portfolio_id=opened.portfolio.pk,
        strategy_id=opened.ids[strategy],
        instrument_id=instrument,
        quantity=value.quantity,
        cost=value.cost,
        realised=value.realised,
        charges=value.charges,
        mark=marks[instrument],
    )

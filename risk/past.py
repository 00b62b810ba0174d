"""What deciding must know of a portfolio's past, from rows: trades and orders of the day, the latest orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby, takewhile

from django.db.models import F, Q, QuerySet

from alphapanda.prepared import prepared
from alphapanda.statements import Asked, write
from portfolio.models import Portfolio
from risk import models
from risk.decide import Trades
from risk.exits import EXIT_RULES
from risk.halt import Halt, HaltState
from risk.scopes import Scope, memory
from risk.situation import Placed
from strategies.models import Signal
from trading.bookkeeping import OpenBook
from trading.models import Order
from trading.order import Side
from trading.session import SECOND, india_date, microseconds

Count = tuple[int, date, int, int]  # strategy, day, approved decisions, orders beyond the first of each
LAST = 2**62
CLOCKS_MAY_DIFFER = 60 * SECOND  # exchange times of instruments are not strictly in the order of ticks
_COUNTS = """
SELECT strategy_id, trade_date, trades, more_orders FROM risk_tradesofday
WHERE strategy_id IN (SELECT id FROM strategies_strategy WHERE portfolio_id = %s) AND trade_date = ANY(%s::date[])
"""
_ADD = """
INSERT INTO risk_tradesofday AS old (strategy_id, trade_date, trades, more_orders)
SELECT * FROM unnest(%s::bigint[], %s::date[], %s::int[], %s::int[])
ON CONFLICT (strategy_id, trade_date)
DO UPDATE SET trades = old.trades + excluded.trades, more_orders = old.more_orders + excluded.more_orders
"""


def days_of(rows: Iterable[Signal]) -> set[date]:
    """In India, by exchange time."""
    return {india_date(microseconds(row.exchange_time)) for row in rows}


def counts(portfolio: int, days: Iterable[date]) -> Asked[Count]:
    return Asked(_COUNTS, [portfolio, list(days)], list)


def counted(opened: OpenBook, rows: Iterable[Count]) -> tuple[Trades, dict[date, int]]:
    """Approved decisions so far of each strategy and day; by day, orders of sliced ones beyond their first. Of those
    strategies that the book knows: without its lock, more may have come since.
    """
    trades: Trades = {}
    more: Counter[date] = Counter()
    for strategy, day, made, more_orders in rows:
        if strategy in opened.ordinals:
            trades[opened.ordinal(strategy), day] = made
            more[day] += more_orders
    return trades, dict(+more)


def count(decisions: Iterable[models.Decision], placed: Iterable[Order]) -> None:
    """Adds new decisions and their orders to what was counted; under the portfolio's lock, in their transaction."""
    approved = {row.pk: (row.strategy_id, row.trade_date) for row in decisions if row.approved}
    counted = Counter(approved.values())
    more = Counter(approved[order.decision_id] for order in placed if order.slice)
    if not counted:
        return
    rows = [(strategy, day, made, more[strategy, day]) for (strategy, day), made in counted.items()]
    write(_ADD, list(map(list, zip(*rows, strict=True))))


def halts(opened: OpenBook, rows: Iterable[models.Halt]) -> list[Halt]:
    """A halt is committed under the lock of every portfolio that it halts, so it is seen here or waits.

    What a broken exit rule has halted the watch knows, where there is one: its own exits go on.
    """
    known = EXIT_RULES if opened.book.is_watched else ()
    return [_halt_value(row, opened) for row in rows if row.rule not in known]


def in_force(portfolio: Portfolio | int) -> QuerySet[models.Halt]:
    """Halts of a portfolio, of its strategies and of everything, in this order."""
    halts = models.Halt.objects.filter(Q(portfolio=portfolio) | Q(portfolio=None), lifted_at__isnull=True)
    return halts.order_by(F("portfolio").asc(nulls_last=True), "pk")


@prepared
def halts_in_force(portfolio: int) -> QuerySet[models.Halt]:
    return in_force(portfolio)


def _halt_value(row: models.Halt, opened: OpenBook) -> Halt:
    strategy = None if row.strategy_id is None else opened.ordinal(row.strategy_id)
    return Halt(row.reason, HaltState(row.state), strategy)


def latest(opened: OpenBook, scopes: Sequence[Scope], first: int, before: int = LAST) -> list[Placed]:
    """What the rules remember at the moment of the first signal, of orders before a tick, oldest first."""
    kept = memory(scopes)
    return _since(opened, first - kept, before) if kept else []


def _since(opened: OpenBook, since: int, before: int) -> list[Placed]:
    orders = Order.objects.filter(portfolio=opened.portfolio, placed_tick__lt=before)
    placed = orders.order_by("-placed_tick", "-placed_n")
    recent = takewhile(
        lambda row: microseconds(row.placed_time) > since - CLOCKS_MAY_DIFFER, placed.iterator(chunk_size=200)
    )
    within = (row for row in recent if microseconds(row.placed_time) > since)
    return [_placed(list(slices), opened) for _, slices in groupby(within, lambda row: row.decision_id)][::-1]


def _placed(slices: Sequence[Order], opened: OpenBook) -> Placed:
    row = slices[0]
    signed = Side(row.side).sign * sum(order.quantity for order in slices)
    owner = opened.ordinal(row.strategy_id)
    return Placed(microseconds(row.placed_time), owner, row.instrument_id, signed, len(slices))

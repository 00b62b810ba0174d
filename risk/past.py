"""What deciding must know of a portfolio's past, from rows: trades and orders of the day, the latest orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby, takewhile

from django.db import connection
from django.db.models import QuerySet

from risk import models
from risk.decide import Trades
from risk.scopes import Scope, memory
from risk.situation import Placed
from strategies.models import Signal
from trading.bookkeeping import OpenBook
from trading.models import Order
from trading.order import Side
from trading.session import SECOND, india_date, microseconds

LAST = 2**62
CLOCKS_MAY_DIFFER = 60 * SECOND  # exchange times of instruments are not strictly in the order of ticks
_ADD = """
INSERT INTO risk_tradesofday AS old (strategy_id, trade_date, trades, more_orders) VALUES (%s, %s, %s, %s)
ON CONFLICT (strategy_id, trade_date)
DO UPDATE SET trades = old.trades + excluded.trades, more_orders = old.more_orders + excluded.more_orders
"""


def days_of(rows: Iterable[Signal]) -> set[date]:
    """In India, by exchange time."""
    return {india_date(microseconds(row.exchange_time)) for row in rows}


def trades(opened: OpenBook, days: Iterable[date]) -> Trades:
    """Approved decisions so far of each strategy on these days."""
    counted = _counts(opened, days).values_list("strategy", "trade_date", "trades")
    return {(opened.ordinal(strategy), day): count for strategy, day, count in counted}


def more_orders(opened: OpenBook, days: Iterable[date]) -> dict[date, int]:
    """Orders of sliced decisions beyond their first, by day."""
    found: Counter[date] = Counter()
    for day, count in _counts(opened, days).filter(more_orders__gt=0).values_list("trade_date", "more_orders"):
        found[day] += count
    return dict(found)


def _counts(opened: OpenBook, days: Iterable[date]) -> QuerySet[models.TradesOfDay]:
    return models.TradesOfDay.objects.filter(strategy__in=opened.ids.values(), trade_date__in=days).order_by()


def count(decisions: Iterable[models.Decision], placed: Iterable[Order]) -> None:
    """Adds new decisions and their orders to what was counted; under the portfolio's lock, in their transaction."""
    approved = {row.pk: (row.strategy_id, row.trade_date) for row in decisions if row.approved}
    counted = Counter(approved.values())
    more = Counter(approved[order.decision_id] for order in placed if order.slice)
    with connection.cursor() as cursor:
        for (strategy, day), made in counted.items():
            cursor.execute(_ADD, [strategy, day, made, more[strategy, day]])


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

"""What deciding must know of a portfolio's past, from rows: trades and orders of the day, the latest orders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby, takewhile

from django.db.models import Count

from risk import models
from risk.decide import Trades, memory
from risk.scopes import Scope
from risk.situation import Placed
from strategies.models import Signal
from trading.bookkeeping import OpenBook
from trading.models import Order
from trading.order import Side
from trading.session import SECOND, india_date, microseconds

LAST = 2**62
CLOCKS_MAY_DIFFER = 60 * SECOND  # exchange times of instruments are not strictly in the order of ticks


def days_of(rows: Iterable[Signal]) -> set[date]:
    """In India, by exchange time."""
    return {india_date(microseconds(row.exchange_time)) for row in rows}


def trades(opened: OpenBook, days: Iterable[date]) -> Trades:
    """Approved decisions so far of each strategy on these days."""
    counted = (
        models.Decision.objects.filter(strategy__in=opened.ids.values(), trade_date__in=days, approved=True)
        .values_list("strategy__ordinal", "trade_date")
        .annotate(count=Count("pk"))
        .order_by()
    )
    return {(ordinal, day): count for ordinal, day, count in counted}


def more_orders(opened: OpenBook, days: Iterable[date]) -> dict[date, int]:
    """Orders of sliced decisions beyond their first, by day."""
    sliced = Order.objects.filter(portfolio=opened.portfolio, slice__gt=0, decision__trade_date__in=days)
    return dict(sliced.values_list("decision__trade_date").annotate(count=Count("pk")).order_by())


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

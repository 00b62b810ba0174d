"""What other limits would have decided on a past day. It reads only: PostgreSQL itself refuses a write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from django.db import connection, transaction

from alphapanda.errors import InputError
from alphapanda.money import moment
from portfolio.models import Portfolio
from risk import models, past
from risk.decide import Decider
from risk.rehearsal import ASSUMPTIONS, Compared, RealEnd, Rehearsal, Was, was
from risk.scopes import Limited, Scope
from strategies.models import Signal
from strategies.records import signal_value
from strategies.signal import Signal as SignalValue
from strategies.signal import Source
from trading.bookkeeping import OpenBook, open_book
from trading.models import Fill, Order
from trading.order import OrderStatus
from trading.records import fill_value, order_value
from trading.reference import exchange_of
from trading.session import INDIA
from trading.working import Working

MOST_SIGNALS = 50_000  # of a day
MOST_LISTED = 2_000


def what_if(portfolio: Portfolio, day: date, scopes: Sequence[Scope], most: int = MOST_SIGNALS) -> dict[str, Any]:
    """Every signal of a day in India, as it was decided and as these limits would have decided it.

    Errors: InputError when there are none, or too many.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        rows = _signals(portfolio, day, most)
        opened = open_book(portfolio)
        values = [signal_value(row, row.strategy.ordinal) for row in rows]
        rehearsal = _rehearsal(opened, values, scopes, _decisions(rows))
        compared = list(rehearsal.run(values))
    return {"portfolio": portfolio.name, "date": day.isoformat(), "assumptions": list(ASSUMPTIONS)} | _report(compared)


def _signals(portfolio: Portfolio, day: date, most: int) -> list[Signal]:
    begin = datetime.combine(day, time_of_day.min, INDIA)
    rows = Signal.objects.filter(
        portfolio=portfolio, is_decided=True, exchange_time__gte=begin, exchange_time__lt=begin + timedelta(days=1)
    )
    found = list(rows.select_related("strategy").order_by("tick")[: most + 1])
    if not found:
        raise InputError(f"date: portfolio {portfolio.name!r} decided no signal on {day}")
    if len(found) > most:
        raise InputError(f"date: more than {most:,} signals on {day}; at most that many are looked at")
    return sorted(found, key=_turn)


def _turn(row: Signal) -> tuple[int, bool, int, int]:
    """Rules speak before strategies, in the order in which they spoke."""
    is_own = row.source != Source.RULE
    return row.tick, is_own, row.strategy.ordinal if is_own else 0, row.n


def _decisions(rows: Iterable[Signal]) -> dict[Any, Was]:
    made = models.Decision.objects.filter(signal__in=[row.pk for row in rows])
    return {d.signal_id: was(d.approved, d.quantity, d.verdicts) for d in made.iterator()}


def _rehearsal(
    opened: OpenBook, signals: list[SignalValue], scopes: Sequence[Scope], then: dict[Any, Was]
) -> Rehearsal:
    """Trades of the day begin at none; earlier orders are remembered as far as rules ask."""
    first = signals[0]
    _rewind(opened, first.tick)
    decider = Decider(
        book=opened.book,
        limits=Limited(scopes),
        latest=past.latest(opened, scopes, first.time, first.tick),
        exchange=exchange_of({signal.instrument.id for signal in signals}),
    )
    return Rehearsal(decider, then, _ends(opened, first.tick, signals[-1].tick))


def _rewind(opened: OpenBook, tick: int) -> None:
    """The book as it was when the signals of a tick were about to be decided, before the fills of that tick."""
    book, ids = opened.book, {pk: ordinal for ordinal, pk in opened.ids.items()}
    book.hold_nothing()
    book.cash = book.peak_equity = book.starting_cash
    before = Fill.objects.filter(portfolio=opened.portfolio, tick__lt=tick)
    filled: Counter[Any] = Counter()
    for row in before.order_by("tick", "order__placed_tick", "order__placed_n", "n").iterator():
        book.take(fill_value(row, ids[row.strategy_id]))
        filled[row.order_id] += row.quantity
    book.fills.clear()
    placed = Order.objects.filter(portfolio=opened.portfolio, placed_tick__lt=tick).exclude(closed_tick__lt=tick)
    book.working = Working()
    for order in placed.order_by("placed_tick", "placed_n"):
        value = order_value(order, ids[order.strategy_id])
        value.status, value.closed_tick, value.filled = OrderStatus.OPEN, None, filled[order.pk]
        book.working.add(value)


def _ends(opened: OpenBook, first: int, last: int) -> dict[Any, RealEnd]:
    """Of the orders that lived on the day: their fills from its first tick on, and their ends."""
    ids = {pk: ordinal for ordinal, pk in opened.ids.items()}
    orders = Order.objects.filter(portfolio=opened.portfolio, placed_tick__lte=last).exclude(closed_tick__lt=first)
    fills: dict[Any, list[Any]] = {}
    rows = Fill.objects.filter(portfolio=opened.portfolio, tick__gte=first, tick__lte=last)
    for row in rows.order_by("tick", "n").iterator():
        fills.setdefault(row.order_id, []).append(fill_value(row, ids[row.strategy_id]))
    return {
        order.pk: RealEnd(order.quantity, fills.get(order.pk, []), OrderStatus(order.status), order.closed_tick)
        for order in orders.iterator()
    }


def _report(compared: list[Compared]) -> dict[str, Any]:
    different = [one for one in compared if one.differs]
    listed = compared if len(compared) <= MOST_LISTED else different[:MOST_LISTED]
    return {
        "signals": len(compared),
        "then": _counts([one.then for one in compared]),
        "now": _counts([one.now for one in compared]),
        "newly_approved": sum(one.now.approved and not one.then.approved for one in different),
        "newly_denied": sum(one.then.approved and not one.now.approved for one in different),
        "other_quantity": sum(one.then.approved and one.now.approved for one in different),
        "decisions": [_line(one) for one in listed],
        "left_out": len(compared) - len(listed),
    }


def _counts(made: list[Was]) -> dict[str, Any]:
    approved = sum(one.approved for one in made)
    by_rule = Counter(rule for one in made for rule in one.denied_by)
    return {"approved": approved, "denied": len(made) - approved, "by_rule": dict(sorted(by_rule.items()))}


def _line(one: Compared) -> dict[str, Any]:
    signal = one.signal
    return {
        "signal": str(signal.id),
        "tick": signal.tick,
        "time": moment(signal.time),
        "strategy": signal.strategy,
        "symbol": signal.instrument.symbol,
        "target": signal.target,
        "then": _decided(one.then),
        "now": _decided(one.now),
        "differs": one.differs,
        "rules": one.rules,
    }


def _decided(made: Was) -> dict[str, Any]:
    return {"approved": made.approved, "quantity": made.quantity, "denied_by": list(made.denied_by)}

"""Decisions as rows, and the rows of the orders that they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from alphapanda.events import EventEnvelope, OrderPlaced, SignalDecided, envelope
from alphapanda.rows import new
from risk import models
from risk.decide import decision_id
from risk.decision import Decision
from strategies.models import Signal
from trading.models import Order
from trading.reference import INSTRUMENTS
from trading.session import india_date


def decision_row(decision: Decision, signal: Signal, limits_version: int) -> models.Decision:
    return new(
        models.Decision,
        id=decision_id(decision.signal),
        signal_id=signal.pk,
        portfolio_id=signal.portfolio_id,
        strategy_id=signal.strategy_id,
        instrument_id=signal.instrument_id,
        correlation_id=signal.correlation_id,
        tick=signal.tick,
        n=signal.n,
        trade_date=india_date(decision.signal.time),
        exchange_time=signal.exchange_time,
        approved=decision.approved,
        quantity=decision.quantity,
        denied_by=decision.denied_by,
        verdicts=decision.verdicts,
        limits_version=limits_version,
    )


def new_orders(decision: Decision, signal: Signal) -> Iterator[Order]:
    """The rows of its orders before their terms: whose they are and what caused them."""
    for n, order in enumerate(decision.orders):
        yield new(
            Order,
            id=order.id,
            decision_id=decision_id(decision.signal),
            slice=n,
            portfolio_id=signal.portfolio_id,
            strategy_id=signal.strategy_id,
            correlation_id=signal.correlation_id,
        )


def placed_in_order(orders: Iterable[Order]) -> list[Order]:
    """Each with its place among those of its tick."""
    placed = list(orders)
    for n, order in enumerate(placed):
        order.placed_n = n
    return placed


def events(rows: Iterable[models.Decision], placed: Iterable[Order]) -> Iterator[EventEnvelope]:
    for row in rows:
        decided = SignalDecided(
            decision_id=row.pk,
            signal_id=row.signal_id,
            portfolio_id=row.portfolio_id,
            strategy_id=row.strategy_id,
            approved=row.approved,
            quantity=row.quantity,
            denied_by=row.denied_by,
        )
        yield envelope(decided, "risk", row.portfolio_id, correlation=row.correlation_id, cause=row.signal_id)
    for order in placed:
        event = OrderPlaced(
            order_id=order.pk,
            portfolio_id=order.portfolio_id,
            strategy_id=order.strategy_id,
            symbol=INSTRUMENTS[order.instrument_id].symbol,
            side=order.side,
            quantity=order.quantity,
            order_type=order.order_type,
        )
        yield envelope(event, "risk", order.portfolio_id, correlation=order.correlation_id, cause=order.decision_id)

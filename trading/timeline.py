"""The life of one order as a list of moments: signal, decision, order, fills, end."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from risk.models import Decision
from strategies.models import Signal
from trading import models
from trading.order import OrderStatus


class Moment(NamedTuple):
    """`time` is exchange time; the end of an order is known by its tick only."""

    what: str
    id: UUID
    tick: int
    time: datetime | None
    detail: dict[str, Any]


def life_of(order: models.Order) -> Iterator[Moment]:
    """`order` brings its decision and that one's signal."""
    yield _signal(order.decision.signal)
    yield _decision(order.decision)
    terms = {
        "status": order.status,
        "side": order.side,
        "quantity": order.quantity,
        "order_type": order.order_type,
    }
    yield Moment("order", order.pk, order.placed_tick, order.placed_time, terms)
    for fill in order.fills.order_by("n"):
        yield _fill(fill)
    if order.status != OrderStatus.OPEN and order.closed_tick is not None:
        end = {"status": order.status, "filled": order.filled}
        yield Moment("closed", order.pk, order.closed_tick, None, end)


def _signal(signal: Signal) -> Moment:
    detail = {
        "side": signal.side,
        "quantity": signal.quantity,
        "target": signal.target,
        "price": str(signal.price),
    }
    return Moment("signal", signal.pk, signal.tick, signal.exchange_time, {**detail, "reason": signal.reason})


def _decision(decision: Decision) -> Moment:
    detail = {"approved": decision.approved, "quantity": decision.quantity, "verdicts": decision.verdicts}
    return Moment("decision", decision.pk, decision.tick, decision.exchange_time, detail)


def _fill(fill: models.Fill) -> Moment:
    detail = {"n": fill.n, "quantity": fill.quantity, "price": str(fill.price), "charges": str(fill.charges)}
    return Moment("fill", fill.pk, fill.tick, fill.exchange_time, detail)

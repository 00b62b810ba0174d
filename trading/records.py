"""Orders, fills and positions as rows and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from operator import attrgetter
from uuid import UUID

from alphapanda.events import EventEnvelope, OrderClosed, OrderFilled, envelope
from alphapanda.identity import derived_id
from alphapanda.money import money
from alphapanda.rows import new
from portfolio import models as portfolio
from portfolio.position import Position
from trading import models
from trading.charges import Charges
from trading.fill import Fill
from trading.instrument import from_e4, to_e4
from trading.order import Order, OrderStatus, OrderType, Side, Terms, Validity
from trading.reference import INSTRUMENTS
from trading.session import aware, microseconds

MOVING = ("status", "filled", "fill_count", "value", "brokerage", "is_triggered", "closed_tick")
_MOVABLE = attrgetter(*MOVING)


def order_value(row: models.Order, ordinal: int) -> Order:
    return Order(
        id=row.pk,
        strategy=ordinal,
        instrument=INSTRUMENTS[row.instrument_id],
        side=Side(row.side),
        quantity=row.quantity,
        terms=_terms(row),
        placed_tick=row.placed_tick,
        placed_time=microseconds(row.placed_time),
        status=OrderStatus(row.status),
        filled=row.filled,
        fill_count=row.fill_count,
        value=row.value,
        brokerage=row.brokerage,
        is_triggered=row.is_triggered,
        closed_tick=row.closed_tick,
    )


def _terms(row: models.Order) -> Terms:
    return Terms(
        order_type=OrderType(row.order_type),
        limit_e4=None if row.limit_price is None else to_e4(row.limit_price),
        trigger_e4=None if row.trigger_price is None else to_e4(row.trigger_price),
        validity=Validity(row.validity),
        validity_minutes=row.validity_minutes,
    )


def move(row: models.Order, order: Order) -> bool:
    """Takes over what may change in an order's life; returns whether anything has."""
    new = _MOVABLE(order)
    if _MOVABLE(row) == new:
        return False
    for name, value in zip(MOVING, new, strict=True):
        setattr(row, name, value)
    return True


def order_row(order: Order, row: models.Order) -> models.Order:
    """Fills in a row that already says whose order it is."""
    terms = order.terms
    row.pk = order.id
    row.instrument_id = order.instrument.id
    row.side = order.side
    row.quantity = order.quantity
    row.order_type = terms.order_type
    row.limit_price = None if terms.limit_e4 is None else from_e4(terms.limit_e4)
    row.trigger_price = None if terms.trigger_e4 is None else from_e4(terms.trigger_e4)
    row.validity = terms.validity
    row.validity_minutes = terms.validity_minutes
    row.placed_tick = order.placed_tick
    row.placed_time = aware(order.placed_time)
    move(row, order)
    return row


def fill_row(fill: Fill, order: models.Order) -> models.Fill:
    charges = fill.charges
    return new(
        models.Fill,
        id=derived_id(fill.order, str(fill.n)),
        order_id=order.pk,
        n=fill.n,
        portfolio_id=order.portfolio_id,
        strategy_id=order.strategy_id,
        instrument_id=fill.instrument.id,
        correlation_id=order.correlation_id,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        tick=fill.tick,
        exchange_time=aware(fill.time),
        brokerage=charges.brokerage,
        stt=charges.stt,
        exchange_charge=charges.exchange,
        sebi=charges.sebi,
        stamp=charges.stamp,
        gst=charges.gst,
        charges=charges.total,
    )


def fill_value(row: models.Fill, ordinal: int) -> Fill:
    parts = (row.brokerage, row.stt, row.exchange_charge, row.sebi, row.stamp, row.gst)
    return Fill(
        order=UUID(str(row.order_id)),
        n=row.n,
        strategy=ordinal,
        instrument=INSTRUMENTS[row.instrument_id],
        side=Side(row.side),
        quantity=row.quantity,
        price=row.price,
        tick=row.tick,
        time=microseconds(row.exchange_time),
        charges=Charges(*parts),
    )


def position_value(row: portfolio.Position) -> Position:
    return position(row.instrument_id, row.quantity, row.cost, row.realised, row.charges)


def position(instrument: int, quantity: int, cost: Decimal, realised: Decimal, charges: Decimal) -> Position:
    """From columns."""
    return Position(quantity, cost, realised, charges, INSTRUMENTS[instrument].multiplier)


def events(fills: Iterable[models.Fill], closed: Iterable[models.Order]) -> Iterator[EventEnvelope]:
    for row in fills:
        event = OrderFilled(
            fill_id=row.pk,
            order_id=row.order_id,
            portfolio_id=row.portfolio_id,
            strategy_id=row.strategy_id,
            symbol=INSTRUMENTS[row.instrument_id].symbol,
            side=row.side,
            quantity=row.quantity,
            price=money(row.price),
            charges=money(row.charges),
        )
        yield envelope(event, "trading", row.portfolio_id, correlation=row.correlation_id, cause=row.order_id)
    for order in closed:
        ended = OrderClosed(
            order_id=order.pk, portfolio_id=order.portfolio_id, status=order.status, filled=order.filled
        )
        yield envelope(ended, "trading", order.portfolio_id, correlation=order.correlation_id)

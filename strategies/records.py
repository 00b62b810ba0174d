"""Signals as rows and back."""

from __future__ import annotations

from uuid import UUID

from alphapanda.events import EventEnvelope, SignalGenerated, envelope
from alphapanda.identity import correlation_id
from alphapanda.rows import new
from strategies import marked, models
from strategies.signal import Signal, Source
from trading.instrument import from_e4, to_e4
from trading.order import OrderType, Side, Terms, Validity
from trading.reference import INSTRUMENTS
from trading.session import aware, microseconds


def signal_row(signal: Signal, strategy: models.Strategy, version: UUID, market: UUID) -> models.Signal:
    terms = signal.terms
    return new(
        models.Signal,
        id=signal.id,
        portfolio_id=strategy.portfolio_id,
        strategy_id=strategy.pk,
        version_id=version,
        instrument_id=signal.instrument.id,
        correlation_id=correlation_id(market, signal.tick),
        tick=signal.tick,
        n=signal.n,
        side=signal.side,
        quantity=signal.quantity,
        target=signal.target,
        order_type=terms.order_type,
        limit_price=None if terms.limit_e4 is None else from_e4(terms.limit_e4),
        trigger_price=None if terms.trigger_e4 is None else from_e4(terms.trigger_e4),
        validity=terms.validity,
        validity_minutes=terms.validity_minutes,
        exchange_time=aware(signal.time),
        arrival_time=None if signal.arrival is None else aware(signal.arrival),
        price=from_e4(signal.price_e4),
        previous_price=None if signal.previous_e4 is None else from_e4(signal.previous_e4),
        marks=marked.kept(signal.marks),
        reason=signal.reason,
        confidence=signal.confidence,
        volume=signal.volume,
        source=signal.source,
    )


def signal_event(row: models.Signal) -> EventEnvelope:
    event = SignalGenerated(
        signal_id=row.pk,
        portfolio_id=row.portfolio_id,
        strategy_id=row.strategy_id,
        symbol=INSTRUMENTS[row.instrument_id].symbol,
        tick=row.tick,
        side=row.side,
        quantity=row.quantity,
        target=row.target,
        reason=row.reason,
    )
    return envelope(event, "strategies", row.portfolio_id, correlation=row.correlation_id)


def signal_value(row: models.Signal, ordinal: int) -> Signal:
    return Signal(
        id=row.pk,
        strategy=ordinal,
        tick=row.tick,
        n=row.n,
        instrument=INSTRUMENTS[row.instrument_id],
        side=Side(row.side),
        quantity=row.quantity,
        target=row.target,
        terms=_terms(row),
        time=microseconds(row.exchange_time),
        arrival=None if row.arrival_time is None else microseconds(row.arrival_time),
        price_e4=to_e4(row.price),
        previous_e4=None if row.previous_price is None else to_e4(row.previous_price),
        marks=marked.marks_of(row.marks),
        reason=row.reason,
        confidence=row.confidence,
        volume=row.volume,
        source=Source(row.source),
    )


def _terms(row: models.Signal) -> Terms:
    return Terms(
        order_type=OrderType(row.order_type),
        limit_e4=None if row.limit_price is None else to_e4(row.limit_price),
        trigger_e4=None if row.trigger_price is None else to_e4(row.trigger_price),
        validity=Validity(row.validity),
        validity_minutes=row.validity_minutes,
    )

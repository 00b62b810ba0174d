"""The ledger of a portfolio from its rows, as lines for its hash."""

from __future__ import annotations

from collections.abc import Iterator

from alphapanda.ledger import (
    Line,
    decision_line,
    digest,
    fill_line,
    order_line,
    position_line,
    signal_line,
    strategy_line,
)
from portfolio.models import Portfolio, Position
from risk.models import Decision
from strategies.models import Signal, StrategyVersion
from strategies.records import signal_value
from trading.models import Fill, Order
from trading.records import fill_value, order_value, position_value
from trading.reference import INSTRUMENTS


def ledger_hash(portfolio: Portfolio) -> str:
    """SHA-256 (hex) over everything that the portfolio's strategies did."""
    return digest(_lines(portfolio))


def _lines(portfolio: Portfolio) -> Iterator[Line]:
    """Each kind of row in one query."""
    whose = {"portfolio": portfolio}
    for version in StrategyVersion.objects.filter(strategy__portfolio=portfolio).select_related("strategy"):
        yield strategy_line(version.strategy.ordinal, version.number, version.type, version.parameters)
    for signal in Signal.objects.filter(**whose).select_related("strategy").iterator():
        yield signal_line(signal_value(signal, signal.strategy.ordinal))
    for made in Decision.objects.filter(**whose).select_related("strategy").iterator():
        ordinal = made.strategy.ordinal
        yield decision_line(made.tick, ordinal, made.n, made.approved, made.quantity, made.denied_by)
    for order in Order.objects.filter(**whose).select_related("strategy").iterator():
        yield order_line(order_value(order, order.strategy.ordinal))
    for fill in Fill.objects.filter(**whose).select_related("strategy").iterator():
        yield fill_line(fill_value(fill, fill.strategy.ordinal))
    for held in Position.objects.filter(**whose).select_related("strategy"):
        symbol = INSTRUMENTS[held.instrument_id].symbol
        yield position_line(held.strategy.ordinal, symbol, position_value(held))

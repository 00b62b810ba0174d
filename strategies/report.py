"""A backtest's result as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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
from alphapanda.money import moment, money
from portfolio.statement import Account, statement
from risk.decision import Decision
from strategies.backtest import Backtest
from strategies.signal import Signal
from trading.fill import Fill


def results(backtest: Backtest, strategies: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """`strategies` are (type, full parameters) by ordinal."""
    book = backtest.decider.book
    return {
        "signals": [signal_json(signal) for signal in backtest.signals],
        "decisions": [decision_json(decision) for decision in backtest.decider.decisions],
        "fills": [fill_json(fill) for fill in book.fills],
        "final": final(backtest),
        "ledger_hash": digest(_lines(backtest, strategies)),
    }


def final(backtest: Backtest) -> dict[str, Any]:
    book, prices = backtest.decider.book, backtest.prices
    times = [t for (_, held) in book.positions if (t := prices.time(held)) is not None]
    valued = book.valued(prices.marks())
    return statement(Account(None, "backtest"), valued, book.peak_equity, max(times, default=None))


def signal_json(signal: Signal) -> dict[str, Any]:
    return {
        "tick": signal.tick,
        "time": moment(signal.time),
        "strategy": signal.strategy,
        "symbol": signal.instrument.symbol,
        "side": signal.side,
        "quantity": signal.quantity,
        "target": signal.target,
        "reason": signal.reason,
        "source": signal.source.value,
    }


def decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "tick": decision.signal.tick,
        "strategy": decision.signal.strategy,
        "symbol": decision.signal.instrument.symbol,
        "approved": decision.approved,
        "quantity": decision.quantity,
        "rules": decision.denied_by,
    }


def fill_json(fill: Fill) -> dict[str, Any]:
    return {
        "tick": fill.tick,
        "time": moment(fill.time),
        "strategy": fill.strategy,
        "symbol": fill.instrument.symbol,
        "side": fill.side,
        "quantity": fill.quantity,
        "price": money(fill.price),
        "charges": money(fill.charges.total),
    }


def _lines(backtest: Backtest, strategies: list[tuple[str, dict[str, Any]]]) -> Iterable[Line]:
    book = backtest.decider.book
    for ordinal, (type_name, parameters) in enumerate(strategies):
        yield strategy_line(ordinal, 1, type_name, parameters)
    yield from map(signal_line, backtest.signals)
    for made in backtest.decider.decisions:
        s = made.signal
        yield decision_line(s.tick, s.strategy, s.n, made.approved, made.quantity, made.denied_by)
    yield from map(order_line, [*book.closed, *book.working])
    yield from map(fill_line, book.fills)
    for (ordinal, instrument), position in book.positions.items():
        yield position_line(ordinal, book.instruments[instrument].symbol, position)

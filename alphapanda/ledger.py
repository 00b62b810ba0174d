"""The ledger's hash: what was signalled, decided, ordered, filled and held, in one canonical order.

Left out on purpose: ids, names, confidence, reasons and wall-clock times. Two runs with the same hash traded the
same, however they were batched, interrupted or split over processes.
"""

import json
from collections.abc import Iterable
from enum import IntEnum
from hashlib import sha256
from typing import Any

from alphapanda.money import moment, money
from portfolio.position import Position
from strategies.signal import Signal
from trading.fill import Fill
from trading.order import Order

Key = tuple[int, int, int, int]  # tick, kind, ordinal of the strategy, n
Line = tuple[Key, str]
LAST = 2**62


class Kind(IntEnum):
    STRATEGY = 0
    SIGNAL = 1
    DECISION = 2
    ORDER = 3
    FILL = 4
    POSITION = 5


def strategy_line(ordinal: int, version: int, type_name: str, parameters: dict[str, Any]) -> Line:
    return _line(Kind.STRATEGY, 0, ordinal, version, type_name, json.dumps(parameters, sort_keys=True))


def signal_line(signal: Signal) -> Line:
    terms = signal.terms
    return _line(
        *(Kind.SIGNAL, signal.tick, signal.strategy, signal.n, moment(signal.time), signal.instrument.symbol),
        *(signal.side, signal.quantity, signal.target, terms.order_type, terms.limit_e4, terms.trigger_e4),
        *(terms.validity, terms.validity_minutes),
    )


def decision_line(tick: int, ordinal: int, n: int, *made: object) -> Line:
    """`made`: approved, quantity, names of the rules that denied."""
    return _line(Kind.DECISION, tick, ordinal, n, *made)


def order_line(order: Order) -> Line:
    return _line(
        *(Kind.ORDER, order.placed_tick, order.strategy, 0, order.instrument.symbol, order.side),
        *(order.quantity, order.terms.order_type, order.terms.limit_e4, order.terms.trigger_e4),
        *(order.terms.validity, order.status, order.filled, order.closed_tick),
    )


def fill_line(fill: Fill) -> Line:
    parts = fill.charges
    charged = (parts.brokerage, parts.stt, parts.exchange, parts.sebi, parts.stamp, parts.gst)
    return _line(
        *(Kind.FILL, fill.tick, fill.strategy, fill.n, moment(fill.time), fill.instrument.symbol, fill.side),
        *(fill.quantity, money(fill.price), *map(money, charged)),
    )


def position_line(ordinal: int, symbol: str, position: Position) -> Line:
    amounts = (position.cost, position.realised, position.charges)
    return _line(Kind.POSITION, LAST, ordinal, 0, symbol, position.quantity, *map(money, amounts))


def _line(kind: Kind, tick: int, ordinal: int, n: int, *values: object) -> Line:
    text = "|".join("" if value is None else str(value) for value in values)
    return (tick, kind, ordinal, n), f"{kind.name}|{tick}|{ordinal}|{n}|{text}"


def digest(lines: Iterable[Line]) -> str:
    """SHA-256 (hex) over all lines in canonical order."""
    hasher = sha256()
    for _, text in sorted(lines):
        hasher.update(text.encode() + b"\n")
    return hasher.hexdigest()

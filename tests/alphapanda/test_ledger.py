from decimal import Decimal
from itertools import permutations

import pytest
from msgspec.structs import replace

from alphapanda.ledger import (
    decision_line,
    digest,
    fill_line,
    order_line,
    position_line,
    signal_line,
    strategy_line,
)
from alphapanda.money import moment, money
from portfolio.position import Position
from strategies.signal import Target
from tests.builders import OPEN, TCS, book, order, signal, tick
from trading.order import OrderStatus, OrderType, Side


def a_fill():
    a_book = book()
    a_book.place(order(5))
    a_book.meet(tick(3, 100))
    return a_book.fills[0]


SIGNAL = signal(Target(5, OrderType.LIMIT, limit_price=99, reason="why", confidence=0.5), tick(2, 100))
ORDER, FILL, POSITION = order(5, OrderType.LIMIT, limit="99"), a_fill(), Position(5, Decimal(500))
LINES = [
    strategy_line(1, 1, "momentum", {"lookback": 5}),
    signal_line(SIGNAL),
    decision_line(2, 1, 0, True, 5, ""),
    order_line(ORDER),
    fill_line(FILL),
    position_line(1, "SBIN", POSITION),
]


def test_the_order_in_which_rows_are_read_does_not_matter():
    assert len({digest(lines) for lines in permutations(LINES)}) == 1


@pytest.mark.parametrize("missing", range(len(LINES)))
def test_a_lost_row_changes_the_hash(missing):
    """Pitfall: one retry, then the message was lost silently."""
    assert digest(line for n, line in enumerate(LINES) if n != missing) != digest(LINES)


@pytest.mark.parametrize("twice", range(len(LINES)))
def test_a_doubled_row_changes_the_hash(twice):
    """Pitfall: a sandbox order executed twice by two engines."""
    assert digest([*LINES, LINES[twice]]) != digest(LINES)


@pytest.mark.parametrize(
    "change",
    [
        {"tick": 9},
        {"strategy": 2},
        {"n": 1},
        {"time": OPEN},
        {"instrument": TCS},
        {"side": Side.SELL},
        {"quantity": 6},
        {"target": 6},
        {"terms": Target(5).terms()},
    ],
)
def test_what_a_signal_says_is_in_the_hash(change):
    assert signal_line(replace(SIGNAL, **change)) != signal_line(SIGNAL)


@pytest.mark.parametrize(
    "change", [{"id": FILL.order}, {"reason": ""}, {"confidence": 1.0}, {"arrival": 5}, {"marks": {}}]
)
def test_ids_reasons_confidence_and_wall_clocks_are_not_in_the_hash(change):
    assert signal_line(replace(SIGNAL, **change)) == signal_line(SIGNAL)


@pytest.mark.parametrize(
    "change",
    [
        {"placed_tick": 9},
        {"strategy": 2},
        {"instrument": TCS},
        {"side": Side.SELL},
        {"quantity": 6},
        {"status": OrderStatus.EXPIRED},
        {"filled": 1},
        {"closed_tick": 7},
    ],
)
def test_what_became_of_an_order_is_in_the_hash(change):
    assert order_line(replace(ORDER, **change)) != order_line(ORDER)


@pytest.mark.parametrize("part", ["brokerage", "stt", "exchange", "sebi", "stamp", "gst"])
def test_a_micro_rupee_of_any_charge_is_in_the_hash(part):
    charges = replace(FILL.charges, **{part: getattr(FILL.charges, part) + Decimal("0.000001")})
    assert fill_line(replace(FILL, charges=charges)) != fill_line(FILL)


@pytest.mark.parametrize("part", ["quantity", "cost", "realised", "charges"])
def test_every_amount_of_a_position_is_in_the_hash(part):
    changed = replace(POSITION, **{part: getattr(POSITION, part) + 1})
    assert position_line(1, "SBIN", changed) != position_line(1, "SBIN", POSITION)


def test_decimals_that_are_equal_are_written_alike():
    """What comes out of memory and what comes out of a column of the database."""
    scaled = replace(FILL, price=FILL.price.quantize(Decimal("0.000001")))
    assert fill_line(scaled) == fill_line(replace(FILL, price=FILL.price.normalize()))


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0.000000"), ("1E+3", "1000.000000"), ("-12.5", "-12.500000"), ("0.1234567", "0.123457")],
)
def test_money_always_has_six_decimals(amount, text):
    assert money(Decimal(amount)) == text


def test_a_moment_is_told_in_utc_to_the_microsecond():
    assert moment(OPEN + 5) == "2023-04-03T03:45:00.000005Z"

"""Rules about what the exchange takes: each at its limit, one step inside and one outside."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from portfolio.position import Position, apply
from risk.decide import Decider
from risk.exchange_rules import MOST_SLICES
from risk.limits import NO_LIMITS
from risk.rules import judge
from risk.scopes import Limited, Scope
from risk.situation import Situation
from strategies.signal import Target
from tests.builders import SBIN, TCS, book, signal, tick
from trading.facts import Exchange, Facts, sliced
from trading.order import OrderType

D = Decimal
BAND = Facts(lower_circuit=D(90), upper_circuit=D(110), previous_close=D(100))


def denied(ordered, facts=None, held=0, target=None, price=100, volume=None, **limits) -> list[str]:
    of = replace(signal(target or ordered, tick(5, price)), volume=volume)
    its_book = book()
    if held:
        its_book.hold(1, SBIN.id, apply(Position(), held, D(100), D(0)))
    exchange = Exchange({SBIN.id: facts} if facts else {})
    asked = Situation(of, held, ordered, 0, replace(NO_LIMITS, **limits), None, its_book, exchange=exchange)
    return [verdict.rule for verdict in judge(asked) if verdict.denies]


def at(price: str) -> Target:
    return Target(1, OrderType.LIMIT, limit_price=price)


@pytest.mark.parametrize(
    ("target", "price", "expected"),
    [
        (at("90"), 100, []),
        (at("89.9999"), 100, ["circuit"]),
        (at("110"), 100, []),
        (at("110.0001"), 100, ["circuit"]),
        (1, 110, []),
        (1, 111, ["circuit"]),
        (1, 89, ["circuit"]),
    ],
)
def test_price_lies_within_the_circuit_limits(target, price, expected):
    assert denied(1, BAND, target=target, price=price, may_leave_circuit=False) == expected
    assert denied(1, BAND, target=target, price=price) == []


def test_circuit_holds_for_exits_too_because_the_exchange_takes_no_such_order():
    assert denied(-1, BAND, held=5, price=120, may_leave_circuit=False) == ["circuit"]


@pytest.mark.parametrize(
    ("price", "held", "expected"),
    [
        (105, 0, []),
        ("105.0001", 0, ["close_deviation"]),
        (95, 0, []),
        ("94.9999", 0, ["close_deviation"]),
        (50, -5, []),
    ],
)
def test_price_is_held_against_the_previous_close(price, held, expected):
    assert denied(1, BAND, held, price=price, max_close_deviation=D("0.05")) == expected


def test_what_is_not_known_is_not_held_against_an_order():
    assert denied(1, None, max_close_deviation=D(0), may_leave_circuit=False, may_slice=False) == []
    assert denied(10**6, None, volume=None, max_volume_fraction=D("0.1")) == []


@pytest.mark.parametrize(
    ("ordered", "held", "volume", "expected"),
    [
        (10, 0, 100, []),
        (11, 0, 100, ["volume_fraction"]),
        (-11, 0, 100, ["volume_fraction"]),
        (1, 0, 0, ["volume_fraction"]),  # pitfall: what nobody trades is no reason to pass
        (-50, 50, 100, []),
    ],
)
def test_fat_finger_is_measured_by_the_recent_volume(ordered, held, volume, expected):
    assert denied(ordered, held=held, volume=volume, max_volume_fraction=D("0.1")) == expected


@pytest.mark.parametrize(
    ("allowed", "forbidden", "held", "expected"),
    [
        (None, None, 0, []),
        (("SBIN",), None, 0, []),
        (("TCS",), None, 0, ["allowed_instrument"]),
        ((), None, 0, ["allowed_instrument"]),
        (None, ("SBIN", "TCS"), 0, ["forbidden_instrument"]),
        (None, ("TCS",), 0, []),
        (None, (), 0, []),
        ((), ("SBIN",), -5, []),
    ],
)
def test_only_instruments_that_may_be_traded_are(allowed, forbidden, held, expected):
    assert denied(1, held=held, allowed_instruments=allowed, forbidden_instruments=forbidden) == expected


@pytest.mark.parametrize(
    ("quantity", "freeze", "lot", "expected"),
    [
        (100, None, 1, [100]),
        (100, 100, 1, [100]),
        (101, 100, 1, [100, 1]),
        (250, 100, 1, [100, 100, 50]),
        (150, 100, 75, [75, 75]),
        (30, 10, 15, [15, 15]),
    ],
)
def test_quantity_is_sliced_into_whole_lots_of_the_freeze_quantity(quantity, freeze, lot, expected):
    assert sliced(quantity, Facts(freeze), lot) == expected


@pytest.mark.parametrize(
    ("ordered", "held", "may", "expected"),
    [
        (10, 0, False, []),
        (11, 0, False, ["freeze"]),
        (11, 0, True, []),
        (10 * MOST_SLICES, 0, True, []),
        (10 * MOST_SLICES + 1, 0, True, ["freeze"]),
        (-10 * MOST_SLICES - 1, 10_000, True, []),
        (-11, 50, False, []),
    ],
)
def test_freeze_quantity_needs_slices_that_are_allowed_and_few(ordered, held, may, expected):
    assert denied(ordered, Facts(freeze_quantity=10), held, may_slice=may) == expected


@pytest.mark.parametrize(
    ("limit", "most", "expected"),
    [
        ("max_open_orders", 3, []),
        ("max_open_orders", 2, ["open_orders"]),
        ("max_orders_per_day", 3, []),
        ("max_orders_per_day", 2, ["orders_per_day"]),
        ("max_orders_per_second", 2, ["orders_per_second"]),
    ],
)
def test_every_slice_counts_as_an_order(limit, most, expected):
    assert denied(25, Facts(freeze_quantity=10), **{limit: most}) == expected


def sliced_by(freeze: int, *signals, **limits):
    exchange = Exchange({SBIN.id: Facts(freeze_quantity=freeze)})
    deciding = Decider(book(), Limited([Scope(replace(NO_LIMITS, **limits))]), exchange=exchange)
    for one in signals:
        deciding.act(one)
    return deciding


def test_sliced_decision_makes_several_orders_and_is_one_trade():
    deciding = sliced_by(40, signal(100, tick(1, 100)), signal(120, tick(2, 100)), max_trades_per_day=2)
    assert [[order.quantity for order in d.orders] for d in deciding.decisions] == [[40, 40, 20], [20]]
    assert [d.quantity for d in deciding.decisions] == [100, 20]
    assert len({order.id for order in deciding.book.working}) == 4
    assert deciding.book.committed(SBIN.id) == 120


def test_slices_of_a_day_use_up_its_orders():
    deciding = sliced_by(40, signal(100, tick(1, 100)), signal(120, tick(2, 100)), max_orders_per_day=3)
    assert [d.denied_by for d in deciding.decisions] == [[], ["orders_per_day"]]


def test_sliced_order_equals_one_of_the_same_total():
    again = [signal(100, tick(1, 100)), signal(0, tick(2, 100)), signal(100, tick(3, 100))]
    assert [d.denied_by for d in sliced_by(40, *again, min_seconds_between_equals=D(9)).decisions][2] == ["equal_order"]


def test_instruments_without_a_freeze_quantity_are_left_whole():
    deciding = sliced_by(40, signal(100, tick(1, 100, TCS)))
    assert [order.quantity for order in deciding.book.working] == [100]

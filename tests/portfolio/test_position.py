from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from portfolio.position import Position, apply

ZERO = Decimal(0)
TRADES = some.lists(
    some.tuples(some.integers(-1000, 1000).filter(bool), some.integers(1, 10**9).map(lambda p: Decimal(p).scaleb(-4)))
)


def after(*trades, multiplier=1):
    position = Position(multiplier=multiplier)
    for quantity, price in trades:
        position = apply(position, quantity, Decimal(price))
    return position


@pytest.mark.parametrize(
    ("trades", "quantity", "cost", "realised"),
    [
        ([(10, 100), (10, 110)], 20, 2100, 0),
        ([(10, 100), (10, 110), (-5, 120)], 15, 1575, 75),  # average 105
        ([(10, 100), (-10, 90)], 0, 0, -100),
        ([(-10, 100)], -10, -1000, 0),
        ([(-10, 100), (4, 90)], -6, -600, 40),  # short 10, buy 4: 6 short
        ([(-10, 100), (10, 110)], 0, 0, -100),
        ([(10, 100), (-15, 110)], -5, -550, 100),  # a flip realises the long and opens the short
        ([(-10, 100), (15, 90)], 5, 450, 100),
        ([(10, 100), (-15, 110), (5, 100)], 0, 0, 150),
    ],
)
def test_average_cost_by_hand(trades, quantity, cost, realised):
    """Pitfall: short 10 then buy 4 gave +4; overselling booked a wrong realised P&L."""
    position = after(*trades)
    assert (position.quantity, position.cost, position.realised) == (quantity, cost, realised)


def test_a_third_of_a_cost_is_released_to_six_decimals_half_even():
    """100 / 3 = 33.333333 first, then half of the 66.666667 that is left, then all of it."""
    held, costs = Position(quantity=3, cost=Decimal(100)), []
    for _ in range(3):
        held = apply(held, -1, Decimal(50))
        costs.append(str(held.cost))
    assert costs == ["66.666667", "33.333333", "0.000000"]
    assert held.realised == 50


def test_a_flat_position_has_no_cost_no_average_and_no_unrealised():
    """Pitfall: unrealised P&L stayed after the close."""
    flat = after((7, "33.35"), (-3, "31.10"), (-4, "90"))
    assert (flat.cost, flat.average_price, flat.unrealised(Decimal(1000))) == (0, None, 0)


def test_a_short_gains_when_the_price_falls():
    assert [after((-10, 100)).unrealised(Decimal(p)) for p in (90, 100, 110)] == [100, 0, -100]


def test_charges_are_kept_apart_from_what_is_realised():
    """Pitfall: fees were left out."""
    position = apply(apply(Position(), 10, Decimal(100), Decimal("1.5")), -10, Decimal(100), Decimal("2.25"))
    assert (position.realised, position.charges) == (0, Decimal("3.75"))


def test_the_multiplier_scales_money_and_not_the_average():
    position = after((2, 100), (-1, 110), multiplier=50)
    assert (position.cost, position.realised, position.average_price) == (5000, 500, 100)


@given(TRADES, some.integers(1, 10**9).map(lambda p: Decimal(p).scaleb(-4)))
def test_realised_and_unrealised_are_what_was_paid_and_got_to_the_last_decimal(trades, last):
    """Pitfall: a rounded average price drifts: store total cost. Cash flows are the independent account."""
    position = after(*trades)
    flow = -sum((Fraction(price) * quantity for quantity, price in trades), Fraction(0))
    worth = Fraction(position.quantity * last)
    assert Fraction(position.realised + position.unrealised(last)) == flow + worth


@given(TRADES)
def test_quantity_is_the_sum_of_trades_and_cost_has_its_sign(trades):
    position = after(*trades)
    assert position.quantity == sum(quantity for quantity, _ in trades)
    assert position.cost * position.quantity > 0 or position.quantity == position.cost == 0


@given(TRADES)
def test_money_never_has_more_than_six_decimals(trades):
    position = after(*trades)
    assert all(-value.as_tuple().exponent <= 6 for value in (position.cost, position.realised))


@given(TRADES, TRADES)
def test_opposite_trades_give_the_opposite_position(trades, more):
    there = after(*trades, *more)
    mirrored = after(*((-quantity, price) for quantity, price in [*trades, *more]))
    assert (mirrored.quantity, mirrored.cost, mirrored.realised) == (-there.quantity, -there.cost, -there.realised)

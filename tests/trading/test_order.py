import itertools

import pytest

from tests.builders import order
from trading.order import OrderStatus, OrderType, Side

CLOSED = [status for status in OrderStatus if status is not OrderStatus.OPEN]


@pytest.mark.parametrize(("quantity", "side", "sign"), [(5, Side.BUY, 1), (-5, Side.SELL, -1)])
def test_the_sign_of_a_quantity_is_its_side(quantity, side, sign):
    """Pitfall: HOLD executed as SELL: nothing but a negative quantity sells."""
    assert (Side.of(quantity), side.sign) == (side, sign)


@pytest.mark.parametrize(
    ("order_type", "has_limit", "has_trigger"),
    [
        (OrderType.MARKET, False, False),
        (OrderType.LIMIT, True, False),
        (OrderType.SL, True, True),
        (OrderType.SL_M, False, True),
    ],
)
def test_each_type_has_its_prices(order_type, has_limit, has_trigger):
    assert (order_type.has_limit, order_type.has_trigger) == (has_limit, has_trigger)


@pytest.mark.parametrize("status", CLOSED)
def test_an_open_order_may_end_in_any_way_and_remembers_when(status):
    working = order(5)
    working.close(status, 7)
    assert (working.is_working, working.status, working.closed_tick) == (False, status, 7)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(CLOSED, OrderStatus)))
def test_there_is_no_way_back(first, second):
    """Pitfall: an unknown status is still working; a rejection is final."""
    ended = order(5)
    ended.close(first, 7)
    with pytest.raises(ValueError, match="cannot become"):
        ended.close(second, 8)
    assert (ended.status, ended.closed_tick) == (first, 7)


def test_what_remains_has_the_sign_of_the_side():
    """Pitfall: exits sized from configuration instead of the filled quantity."""
    selling = order(-5)
    selling.filled = 3
    assert (selling.remaining, selling.signed_remaining) == (2, -2)

"""How long an order waits: every order type with every validity."""

from decimal import Decimal

import pytest

from tests.builders import depth, meet, order, tick, ticks
from trading.order import OrderStatus, OrderType, Validity
from trading.paper import PaperTerms
from trading.session import DAY, SECOND

_, LIMIT, SL, SL_M = OrderType
DAY_ORDER, IOC, TTL = Validity
COMPLETE, EXPIRED = OrderStatus.COMPLETE, OrderStatus.EXPIRED
NEXT_DAY = DAY / SECOND


RESTING = {
    LIMIT: {"limit": "90"},
    SL: {"limit": "121", "trigger": "120"},
    SL_M: {"trigger": "120"},
}


def resting(order_type, validity, minutes=None):
    """A buy order that 100 does not fill but 90 (LIMIT) or 120 (stops) does."""
    return order(5, order_type, validity=validity, minutes=minutes, **RESTING[order_type])


def crossing(order_type):
    return 90 if order_type is LIMIT else 120


@pytest.mark.parametrize("order_type", RESTING)
class TestValidity:
    def test_ioc_ends_at_its_first_tick(self, order_type):
        ended = meet(resting(order_type, IOC), *ticks([100, crossing(order_type)]))
        assert ended == ([], EXPIRED)

    def test_ioc_fills_on_its_first_tick(self, order_type):
        assert meet(resting(order_type, IOC), *ticks([crossing(order_type)]))[1] is COMPLETE

    def test_day_holds_to_the_end_of_its_day(self, order_type):
        last = tick(2, crossing(order_type), seconds=6 * 3600)
        assert meet(resting(order_type, DAY_ORDER), tick(1, 100), last)[1] is COMPLETE

    def test_day_ends_before_the_first_tick_of_a_later_day(self, order_type):
        late = tick(1, crossing(order_type), seconds=NEXT_DAY)
        assert meet(resting(order_type, DAY_ORDER), late) == ([], EXPIRED)

    def test_ttl_holds_for_its_minutes(self, order_type):
        last = tick(1, crossing(order_type), seconds=119.999)
        assert meet(resting(order_type, TTL, 2), last)[1] is COMPLETE

    def test_ttl_ends_after_its_minutes(self, order_type):
        late = tick(1, crossing(order_type), seconds=120)
        assert meet(resting(order_type, TTL, 2), late) == ([], EXPIRED)

    def test_ttl_outlives_a_night(self, order_type):
        late = tick(1, crossing(order_type), seconds=NEXT_DAY)
        assert meet(resting(order_type, TTL, 2 * 24 * 60), late)[1] is COMPLETE


def test_day_is_the_day_in_india():
    """Placed at 09:15 in India, 03:45 UTC: 00:00 in India is 18:30 UTC of the same UTC day."""
    midnight = (24 - 9) * 3600 - 15 * 60
    fills_at = crossing(LIMIT)
    before, after = (tick(1, fills_at, seconds=midnight + more) for more in (-1, 0))
    assert meet(resting(LIMIT, DAY_ORDER), before)[1] is COMPLETE
    assert meet(resting(LIMIT, DAY_ORDER), after)[1] is EXPIRED


def test_an_ioc_order_is_not_ended_by_ticks_within_its_latency():
    slow = PaperTerms(Decimal(0), latency_ms=1_500)
    early, due = tick(1, 100, seconds=1), tick(2, 90, seconds=2)
    assert meet(resting(LIMIT, IOC), early, due, terms=slow)[1] is COMPLETE


def test_an_ioc_stop_keeps_what_it_got():
    stop = order(10, SL_M, trigger="100", validity=IOC)
    fills, status = meet(stop, tick(1, 100, depth=depth(asks=[("100", 3), ("100.05", 4)])), tick(2, 95))
    assert (len(fills), status, stop.filled) == (2, EXPIRED, 7)

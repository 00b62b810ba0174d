from decimal import Decimal

import pytest

from strategies.signal import Target, plain_target
from tests.builders import rupees
from trading.order import OrderType, Terms, Validity

LIMIT, MARKET, SL, SL_M = OrderType.LIMIT, OrderType.MARKET, OrderType.SL, OrderType.SL_M


def test_a_number_is_a_market_order_for_the_day():
    assert Target(5).terms() == Terms(MARKET, None, None, Validity.DAY, None)


@pytest.mark.parametrize("price", [Decimal("101.05"), 101.05, "101.05"])
def test_prices_become_ten_thousandths_whatever_their_type(price):
    assert Target(5, LIMIT, limit_price=price).terms().limit_e4 == rupees("101.05")


def test_plain_texts_do_for_order_type_and_validity():
    terms = Target(5, "SL", limit_price=101, trigger_price=100, validity="TTL", validity_minutes=3).terms()
    assert terms == Terms(SL, rupees(101), rupees(100), Validity.TTL, 3)


@pytest.mark.parametrize("position", [1.0, "5", True, None, float("nan"), Decimal(5), 2**62, -(2**62)])
def test_a_position_that_is_no_number_of_shares_is_refused(position):
    """Two to the 62 would not fit into the ledger, and the strategy would take its whole shard down."""
    with pytest.raises(ValueError, match="target position"):
        Target(position)


@pytest.mark.parametrize(
    ("order_type", "prices", "named"),
    [
        (MARKET, {"limit_price": 100}, "limit_price"),
        (MARKET, {"trigger_price": 100}, "trigger_price"),
        (LIMIT, {}, "limit_price"),
        (LIMIT, {"limit_price": 100, "trigger_price": 100}, "trigger_price"),
        (SL, {"limit_price": 100}, "trigger_price"),
        (SL, {"trigger_price": 100}, "limit_price"),
        (SL_M, {}, "trigger_price"),
        (SL_M, {"trigger_price": 100, "limit_price": 100}, "limit_price"),
    ],
)
def test_each_order_type_takes_its_own_prices(order_type, prices, named):
    with pytest.raises(ValueError, match=named):
        Target(5, order_type, **prices)


@pytest.mark.parametrize("price", [0, "0", -1, "NaN", float("nan"), "Infinity", "-Infinity", 0.00001, "1e30", "ten"])
def test_a_price_that_is_none_is_refused_by_name(price):
    """Pitfall: a price of "0", NaN or infinity passed."""
    with pytest.raises(ValueError, match="limit_price"):
        Target(5, LIMIT, limit_price=price)
    with pytest.raises(ValueError, match="trigger_price"):
        Target(5, SL_M, trigger_price=price)


def test_an_unknown_order_type_is_refused():
    """Pitfall: a stop order vanished in a swallowed NameError."""
    with pytest.raises(ValueError, match="STOP"):
        Target(5, "STOP")


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan"), float("inf")])
def test_confidence_lies_between_none_and_all(confidence):
    with pytest.raises(ValueError, match="confidence"):
        Target(5, confidence=confidence)


@pytest.mark.parametrize(("validity", "minutes"), [("TTL", None), ("TTL", 0), ("TTL", -1), ("DAY", 5), ("IOC", 1)])
def test_minutes_go_with_ttl_only(validity, minutes):
    with pytest.raises(ValueError, match="validity_minutes"):
        Target(5, LIMIT, limit_price=100, validity=validity, validity_minutes=minutes)


@pytest.mark.parametrize("reason", ["nul \0 character", "half a \ud800 pair", 5])
def test_a_reason_that_the_ledger_could_not_store_is_refused(reason):
    with pytest.raises(ValueError, match="reason"):
        Target(5, reason=reason)


def test_a_position_that_is_wanted_again_is_checked_as_if_it_were_new():
    assert plain_target(1) == Target(1)
    with pytest.raises(ValueError, match="whole number"):
        plain_target(True)

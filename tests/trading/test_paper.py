"""How one order meets ticks: every order type with every validity, depth, latency, slippage."""

from decimal import Decimal

import pytest

from tests.builders import NO_SLIPPAGE, SBIN, TCS, book, depth, meet, order, rupees, tick, ticks
from trading.instrument import Instrument
from trading.order import OrderStatus, OrderType, Side, Validity
from trading.paper import PaperTerms, market_price, match
from trading.session import DAY, SECOND

MARKET, LIMIT, SL, SL_M = OrderType
IOC, TTL = Validity.IOC, Validity.TTL
DAY_ORDER = Validity.DAY
NEXT_DAY = DAY / SECOND


OPEN, COMPLETE, EXPIRED = OrderStatus.OPEN, OrderStatus.COMPLETE, OrderStatus.EXPIRED


@pytest.mark.parametrize("validity", Validity)
def test_market_fills_at_the_next_tick_whatever_its_validity(validity):
    minutes = 1 if validity is TTL else None
    bought = meet(order(5, validity=validity, minutes=minutes), *ticks([100, 90]))
    assert bought == ([(1, 5, "100.0000")], COMPLETE)


@pytest.mark.parametrize("validity", Validity)
def test_market_waits_for_its_tick_across_a_night(validity):
    late = tick(1, 100, seconds=NEXT_DAY)
    assert meet(order(5, validity=validity), late)[1] is COMPLETE


LIMIT_CASES = [
    (5, "100", ["100.05", "100.00", "99"], [(2, 5, "100.0000")]),
    (5, "100", ["99.50"], [(1, 5, "99.5000")]),
    (5, "100", ["100.05"], []),
    (-5, "100", ["99.95", "100.00", "101"], [(2, 5, "100.0000")]),
    (-5, "100", ["101"], [(1, 5, "101.0000")]),
    (-5, "100", ["99.95"], []),
]


@pytest.mark.parametrize(("quantity", "limit", "path", "fills"), LIMIT_CASES)
def test_limit_fills_at_the_limit_or_better_and_never_with_slippage(quantity, limit, path, fills):
    """Pitfall: a limit order that did not cross "filled" with quantity 0; one that crossed filled worse."""
    terms = PaperTerms(slippage_bps=Decimal(100))
    made, status = meet(order(quantity, LIMIT, limit=limit), *ticks(path), terms=terms)
    assert made == fills
    assert status is (COMPLETE if fills else OPEN)


SL_M_CASES = [
    (5, "101", ["100", "101", "99"], [(2, 5, "101.0000")]),
    (5, "101", ["100", "103"], [(2, 5, "103.0000")]),
    (5, "101", ["100.95"], []),
    (-5, "99", ["100", "99"], [(2, 5, "99.0000")]),
    (-5, "99", ["98", "99"], [(1, 5, "98.0000")]),
    (-5, "99", ["99.05"], []),
]


@pytest.mark.parametrize(("quantity", "trigger", "path", "fills"), SL_M_CASES)
def test_sl_m_triggers_at_or_through_its_trigger_and_fills_on_that_tick(quantity, trigger, path, fills):
    assert meet(order(quantity, SL_M, trigger=trigger), *ticks(path))[0] == fills


def test_sl_m_slips_like_a_market_order():
    terms = PaperTerms(slippage_bps=Decimal(100))
    assert meet(order(5, SL_M, trigger="100"), *ticks([100]), terms=terms)[0] == [(1, 5, "101.0000")]


SL_CASES = [
    (5, "100", "101", ["99", "100.50"], [(2, 5, "100.5000")]),
    (5, "100", "101", ["102", "100.50"], [(2, 5, "100.5000")]),
    (5, "100", "101", ["102", "99"], [(2, 5, "99.0000")]),
    (5, "100", "101", ["99.95"], []),
    (-5, "100", "99", ["101", "99.50"], [(2, 5, "99.5000")]),
    (-5, "100", "99", ["98", "99.50"], [(2, 5, "99.5000")]),
    (-5, "100", "99", ["100.05"], []),
]


@pytest.mark.parametrize(("quantity", "trigger", "limit", "path", "fills"), SL_CASES)
def test_sl_becomes_a_limit_on_its_trigger_tick_and_stays_one(quantity, trigger, limit, path, fills):
    stop = order(quantity, SL, trigger=trigger, limit=limit)
    assert meet(stop, *ticks(path), terms=PaperTerms(slippage_bps=Decimal(100)))[0] == fills


def test_latency_is_measured_by_exchange_time():
    slow = PaperTerms(Decimal(0), latency_ms=1_500)
    early, due = tick(1, 100, seconds=1.499999), tick(2, 101, seconds=1.5)
    assert meet(order(5), early, due, terms=slow)[0] == [(2, 5, "101.0000")]


def test_latency_cannot_trigger_a_stop_early():
    slow = PaperTerms(Decimal(0), latency_ms=1_500)
    early, due = tick(1, 120, seconds=1), tick(2, 100, seconds=2)
    assert meet(order(5, SL_M, trigger="120"), early, due, terms=slow) == ([], OPEN)


def test_without_latency_a_tick_of_the_same_moment_fills():
    assert meet(order(5), tick(1, 100, seconds=0))[1] is COMPLETE


ASKS = [("100.00", 3), ("100.05", 4)]
BIDS = [("99.95", 3), ("99.90", 4)]


def test_market_walks_the_levels_of_its_side():
    bought = meet(order(5), tick(1, 100, depth=depth(BIDS, ASKS)))
    sold = meet(order(-5), tick(1, 100, depth=depth(BIDS, ASKS)))
    assert bought == ([(1, 3, "100.0000"), (1, 2, "100.0500")], COMPLETE)
    assert sold == ([(1, 3, "99.9500"), (1, 2, "99.9000")], COMPLETE)


def test_what_the_levels_do_not_hold_goes_on_at_the_next_tick():
    first = tick(1, 100, depth=depth(BIDS, ASKS))
    fills, status = meet(order(10), first, tick(2, 101))
    assert fills == [(1, 3, "100.0000"), (1, 4, "100.0500"), (2, 3, "101.0000")]
    assert status is COMPLETE


def test_an_empty_book_fills_nothing():
    """Pitfall: "filled" with quantity 0."""
    assert meet(order(5), tick(1, 100, depth=depth(BIDS, []))) == ([], OPEN)


def test_slippage_is_not_added_to_depth():
    terms = PaperTerms(slippage_bps=Decimal(100))
    assert meet(order(3), tick(1, 100, depth=depth(BIDS, ASKS)), terms=terms)[0] == [(1, 3, "100.0000")]


def test_two_orders_do_not_take_the_same_shares():
    a_book = book()
    for name in ("first", "second"):
        a_book.place(order(4, name=name))
    a_book.meet(tick(1, 100, depth=depth(BIDS, ASKS)))
    assert [(f.quantity, str(f.price)) for f in a_book.fills] == [
        (3, "100.0000"),
        (1, "100.0500"),
        (3, "100.0500"),
    ]


def test_a_triggered_stop_that_found_too_little_stays_a_market_order():
    stop = order(10, SL_M, trigger="100")
    fills, status = meet(stop, tick(1, 100, depth=depth(BIDS, ASKS)), tick(2, 95))
    assert (fills[-1], status) == ((2, 3, "95.0000"), COMPLETE)


FINE = Instrument(9, "FINE", Decimal("0.0025"))
INDEX = Instrument(8, "INDEX", Decimal(0))


@pytest.mark.parametrize(
    ("side", "instrument", "last", "bps", "expected"),
    [
        (Side.BUY, SBIN, "100", "5", "100.05"),
        (Side.SELL, SBIN, "100", "5", "99.95"),
        (Side.BUY, SBIN, "100.10", "5", "100.20"),  # 100.15005 → up
        (Side.SELL, SBIN, "100.10", "5", "100.00"),  # 100.04995 → down
        (Side.BUY, TCS, "3000", "5", "3001.50"),
        (Side.SELL, TCS, "3000.10", "5", "2998.50"),  # 2998.59995 → down
        (Side.BUY, SBIN, "100.02", "0", "100.05"),  # off the grid already: against us too
        (Side.SELL, SBIN, "100.02", "0", "100.00"),
        (Side.BUY, SBIN, "100", "0.0001", "100.05"),
        (Side.SELL, SBIN, "100", "7.5", "99.90"),
        (Side.BUY, FINE, "1", "5", "1.0025"),
        (Side.BUY, INDEX, "100", "5", "100.05"),
        (Side.SELL, SBIN, "0.05", "5", "0.05"),  # never below a tick
        (Side.SELL, SBIN, "0.05", "9999", "0.05"),
        (Side.SELL, SBIN, "100", "10000", "0.05"),
    ],
)
def test_slippage_is_against_us_and_rounded_to_the_tick_size_against_us(side, instrument, last, bps, expected):
    """Pitfall: price 0 filled at 0."""
    price = market_price(side, tick(1, last, instrument), instrument, Decimal(bps))
    assert price == rupees(expected)


def test_matching_leaves_an_order_of_another_time_alone():
    working = order(5, placed=tick(1, 100, seconds=10))
    early = tick(2, 100, seconds=5)
    assert match(working, early, None, NO_SLIPPAGE) == []

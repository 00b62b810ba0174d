"""Golden values are those of the published calculator in its `api` form: nothing rounded, IPFT not taxed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.builders import MIS, SBIN, book, depth, order, tick
from trading.charges import Product, brokerage_of, charge, micro, rates_on
from trading.order import Side

PAISA = Decimal("0.01")
CNC = replace(
    MIS,
    product=Product.CNC,
    brokerage=Decimal(0),
    stt_buy=Decimal("0.001"),
    stt_sell=Decimal("0.001"),
    stamp_buy=Decimal("0.00015"),
)


def of(side, quantity, price, rates=MIS):
    value = Decimal(quantity) * Decimal(price)
    return charge(side, value, brokerage_of(value, rates), rates)


def round_trip(quantity, bought, sold, rates):
    return of(Side.BUY, quantity, bought, rates).total + of(Side.SELL, quantity, sold, rates).total


@pytest.mark.parametrize(
    ("rates", "quantity", "bought", "sold", "total"),
    [
        (MIS, 500, 1000, 1000, "224.43"),
        (CNC, 500, 1000, 1000, "1112.23"),
        (CNC, 5000, 1000, 1000, "11122.26"),
    ],
)
def test_charges_are_those_that_the_broker_publishes(rates, quantity, bought, sold, total):
    assert round_trip(quantity, bought, sold, rates).quantize(PAISA) == Decimal(total)


@pytest.mark.parametrize(
    ("rates", "quantity", "bought", "sold", "total"),
    [
        (MIS, 500, 1000, 1000, "224.61"),
        (CNC, 500, 1000, 1000, "1112.41"),
        (CNC, 5000, 1000, 1000, "11124.06"),
        (MIS, 100, 1000, 1010, "82.97"),
        (CNC, 10, 1000, 1100, "23.29"),
    ],
)
def test_with_ipft_taxed_they_are_those_of_the_public_page(rates, quantity, bought, sold, total):
    value = Decimal(quantity) * (bought + sold)
    untaxed = round_trip(quantity, bought, sold, rates)
    assert (untaxed + rates.gst * rates.ipft * value).quantize(PAISA) == Decimal(total)


def test_each_part_of_a_sale_by_hand():
    """100 × 1000 = 100,000: brokerage 30 is capped at 20, GST is 18 % of 20 + 2.97 + 0.1."""
    parts = of(Side.SELL, 100, 1000)
    assert (parts.brokerage, parts.stt, parts.stamp) == (20, 25, 0)
    assert (parts.exchange, parts.sebi, parts.gst) == (Decimal("3.07"), Decimal("0.1"), Decimal("4.1526"))
    assert parts.total == Decimal("52.3226")


def test_each_part_of_a_small_purchase_by_hand():
    """10 × 100.05 = 1,000.50: brokerage 0.03 %, no STT, stamp kept to 6 decimals."""
    parts = of(Side.BUY, 10, "100.05")
    assert (parts.brokerage, parts.stt, parts.stamp) == (Decimal("0.30015"), 0, Decimal("0.030015"))
    assert (parts.exchange, parts.sebi) == (Decimal("0.030715"), Decimal("0.001000"))  # 0.03071535, 0.0010005
    assert parts.gst == Decimal("0.059556")  # 0.18 × (0.30015 + 0.02971485 + 0.0010005) = 0.05955576…


@pytest.mark.parametrize(
    ("amount", "rounded"), [("0.0000005", "0"), ("0.0000015", "0.000002"), ("-0.0000025", "-0.000002")]
)
def test_halves_of_a_micro_go_to_the_even(amount, rounded):
    assert micro(Decimal(amount)) == Decimal(rounded)


@given(some.integers(1, 10**6), some.integers(1, 10**7), some.sampled_from(Side))
def test_parts_have_six_decimals_and_add_up(quantity, paise, side):
    parts = of(side, quantity, Decimal(paise) / 100)
    six = [parts.brokerage, parts.stt, parts.exchange, parts.sebi, parts.stamp, parts.gst]
    assert all(part == micro(part) >= 0 for part in six)
    assert parts.total == sum(six)


def fills_of(quantities, price, rates_by_day=None):
    """An order that fills in parts, one a tick."""
    a_book = book()
    a_book.place(order(sum(quantities)))
    for number, quantity in enumerate(quantities, start=1):
        a_book.meet(tick(number, price, depth=depth(asks=[(price, quantity)])))
    return a_book.fills


@given(some.lists(some.integers(1, 300), min_size=1, max_size=8), some.integers(1_000, 100_000))
def test_brokerage_is_per_order_however_it_fills(quantities, paise):
    """Pitfall: limits were gross of costs; a cap of 20 per fill would be charged many times."""
    fills = fills_of(quantities, str(Decimal(paise) / 100))
    whole = Decimal(sum(quantities)) * Decimal(paise) / 100
    assert sum(f.charges.brokerage for f in fills) == brokerage_of(whole, MIS) <= 20


def test_a_fill_pays_what_the_fills_before_it_left():
    """0.03 % of 30,000, then of 60,000 less that, then the rest to the cap of 20, then nothing."""
    fills = fills_of([300, 300, 300, 300], "100")
    assert [f.charges.brokerage for f in fills] == [9, 9, 2, 0]


APRIL = replace(MIS, valid_from=date(2026, 4, 1), stt_sell=Decimal("0.0005"))


@pytest.mark.parametrize(
    ("day", "expected"),
    [(date(2026, 3, 31), MIS), (date(2026, 4, 1), APRIL), (date(2027, 1, 1), APRIL), (date(2020, 1, 1), MIS)],
)
def test_a_fill_keeps_the_rates_of_its_day(day, expected):
    assert rates_on(day, Product.MIS, "NSE", [APRIL, CNC, MIS]) is expected


@pytest.mark.parametrize(
    ("day", "product", "exchange"),
    [
        (date(2019, 12, 31), Product.MIS, "NSE"),
        (date(2026, 1, 1), Product.CNC, "NSE"),
        (date(2026, 1, 1), Product.MIS, "BSE"),
    ],
)
def test_missing_rates_are_named(day, product, exchange):
    with pytest.raises(LookupError, match=f"{product} on {exchange} at {day}"):
        rates_on(day, product, exchange, [MIS])


def test_the_date_of_a_fill_is_that_in_india():
    """20:00 UTC of 31 March is 01:30 of 1 April in India."""
    asked = []
    a_book = book()
    a_book.rates_on = lambda day, *_: asked.append(day) or MIS
    a_book.place(order(5))
    a_book.meet(tick(1, 100, SBIN, seconds=16.25 * 3600))
    assert asked == [date(2023, 4, 4)]

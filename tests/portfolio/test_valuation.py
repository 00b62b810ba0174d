from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from portfolio.position import Position
from portfolio.valuation import Holding, value
from tests.builders import MILLION, SBIN, TCS, book, order, tick

PAISE = some.integers(1, 10**6).map(lambda paise: Decimal(paise * 5).scaleb(-2))
TRADES = some.lists(
    some.tuples(some.sampled_from([SBIN, TCS]), some.integers(1, 3), some.integers(-300, 300).filter(bool), PAISE),
    max_size=30,
)


def traded(trades):
    """A book in which each trade was a market order that filled at its price, with slippage and charges."""
    a_book, marks = book(), {}
    for number, (instrument, strategy, quantity, price) in enumerate(trades, start=1):
        a_book.place(order(quantity, instrument=instrument, strategy=strategy, name=str(number)))
        last = tick(number, price, instrument)
        a_book.meet(last)
        marks[instrument.id] = last.price_e4
    return a_book, marks


@given(TRADES)
def test_equity_is_the_same_by_profit_and_by_cash_to_the_last_decimal(trades):
    """Pitfall: two pages showed two P&Ls; cash went down on SELL; fees were left out."""
    a_book, marks = traded(trades)
    worth = a_book.valued(marks)
    held = sum(p.quantity * Decimal(marks[i]).scaleb(-4) for (_, i), p in a_book.positions.items())
    assert worth.equity == a_book.cash + held
    assert worth.equity == MILLION + worth.realised + worth.unrealised - worth.charges
    assert worth.charges == sum(fill.charges.total for fill in a_book.fills)
    assert worth.net_pnl == worth.equity - MILLION


@given(TRADES)
def test_cash_is_what_the_fills_say(trades):
    a_book, _ = traded(trades)
    flows = sum((-f.signed_quantity * f.price - f.charges.total for f in a_book.fills), Decimal(0))
    assert a_book.cash == MILLION + flows


def worth(*positions, cash=MILLION):
    return value(MILLION, cash, [Holding(Position(q, Decimal(cost)), Decimal(last)) for q, cost, last in positions])


def test_exposure_is_gross_over_sides_and_net_between_them():
    found = worth((10, 1000, 110), (-5, -500, 90))
    assert (found.gross_exposure, found.net_exposure, found.unrealised) == (1550, 650, 150)


def test_a_portfolio_without_positions_is_its_cash():
    found = worth(cash=Decimal("999.5"))
    assert (found.equity, found.gross_exposure, found.unrealised, found.charges) == (Decimal("999.5"), 0, 0, 0)


@pytest.mark.parametrize(
    ("cash", "peak", "fraction"),
    [("1000", "1000", "0"), ("750", "1000", "0.25"), ("1200", "1000", "0"), ("-500", "1000", "1.5"), ("0", "0", "0")],
)
def test_drawdown_is_the_fraction_below_the_peak(cash, peak, fraction):
    assert worth(cash=Decimal(cash)).drawdown(Decimal(peak)) == Decimal(fraction)

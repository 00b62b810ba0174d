from dataclasses import replace
from decimal import Decimal

import pytest

from portfolio.position import Position
from tests.builders import MILLION, SBIN, TCS, book, depth, order, rupees, tick
from trading.book import Book
from trading.instrument import Instrument
from trading.marks import Marks
from trading.order import OrderStatus, OrderType
from trading.working import Working


def traded(*orders, price=100, slippage="0"):
    """A book whose orders have filled at one price."""
    a_book = book(slippage)
    for number, one in enumerate(orders, start=1):
        a_book.place(one)
        a_book.meet(tick(number, price, one.instrument))
    return a_book


def test_cash_falls_by_a_purchase_and_its_charges_and_rises_by_a_sale_less_its_charges():
    """Pitfall: cash went down on SELL; fees were left out."""
    bought, sold = traded(order(10)), traded(order(-10))
    assert bought.cash == MILLION - 1000 - bought.fills[0].charges.total
    assert sold.cash == MILLION + 1000 - sold.fills[0].charges.total


def test_orders_of_an_instrument_fill_in_the_order_of_their_place():
    a_book = book()
    for name in ("first", "second", "third"):
        a_book.place(order(1, name=name))
    a_book.meet(tick(1, 100))
    assert [f.order for f in a_book.fills] == [order(1, name=name).id for name in ("first", "second", "third")]


def test_a_tick_touches_the_orders_of_its_instrument_only():
    """Pitfall: a symbol table typed by hand sent orders to the wrong company."""
    a_book = book()
    a_book.place(order(1, instrument=TCS))
    a_book.meet(tick(1, 100, SBIN))
    assert (a_book.fills, len(a_book.working)) == ([], 1)


def test_positions_of_strategies_are_kept_apart():
    a_book = traded(order(10, strategy=1), order(-4, strategy=2))
    assert {key: p.quantity for key, p in a_book.positions.items()} == {(1, SBIN.id): 10, (2, SBIN.id): -4}


def test_committed_counts_what_is_filled_and_what_still_works():
    """Pitfall: positions were never updated: 200 of 200 BUY orders passed limits of 1000 shares."""
    a_book = book()
    a_book.place(order(10, strategy=1))
    a_book.meet(tick(1, 100, depth=depth(asks=[("100", 4)])))
    a_book.place(order(-3, OrderType.LIMIT, limit="500", strategy=2))
    assert (a_book.committed(SBIN.id, 1), a_book.committed(SBIN.id, 2), a_book.committed(SBIN.id)) == (10, -3, 7)
    assert a_book.committed(TCS.id) == 0


def test_orders_are_found_by_instrument_whoever_put_them_there_or_took_them_away():
    a_book = book()
    a_book.place(order(10))
    a_book.working.add(order(5, name="by hand"))
    assert (a_book.committed(SBIN.id), a_book.watched) == (15, {SBIN.id})
    a_book.place(order(1, instrument=TCS))
    assert (a_book.committed(SBIN.id), a_book.committed(TCS.id), a_book.watched) == (15, 1, {SBIN.id, TCS.id})
    a_book.meet(tick(1, 100))
    assert ([o.instrument for o in a_book.working], a_book.watched) == ([TCS], {TCS.id})
    a_book.working = Working([order(7, name="in its place")])
    assert (a_book.committed(SBIN.id), a_book.committed(TCS.id), a_book.watched) == (17 + 5, 0, {SBIN.id})


def test_what_was_cancelled_or_expired_is_no_longer_committed():
    a_book = book()
    a_book.place(order(10, OrderType.LIMIT, limit="50", strategy=1, name="one"))
    a_book.place(order(5, OrderType.LIMIT, limit="50", strategy=2, name="two"))
    a_book.cancel(1, 4)
    assert (a_book.committed(SBIN.id), [o.status for o in a_book.closed]) == (5, [OrderStatus.CANCELLED])
    a_book.meet(tick(5, 10, seconds=24 * 3600))
    assert (a_book.committed(SBIN.id), a_book.closed[1].status) == (0, OrderStatus.EXPIRED)


def test_a_cancelled_order_never_fills():
    """Pitfall: a kill switch that left resting orders, which then filled again."""
    a_book = book()
    a_book.place(order(10, OrderType.LIMIT, limit="50"))
    a_book.cancel(1, 4)
    a_book.meet(tick(5, 10))
    assert a_book.fills == []


def test_fills_of_an_order_are_numbered_and_belong_to_it():
    """Pitfall: a fill matched to its leg instead of its order."""
    a_book, buying = book(), order(10, strategy=3)
    a_book.place(buying)
    a_book.meet(tick(1, 100, depth=depth(asks=[("100", 4), ("101", 6)])))
    assert [(f.order, f.n, f.strategy, f.quantity) for f in a_book.fills] == [
        (buying.id, 1, 3, 4),
        (buying.id, 2, 3, 6),
    ]


def test_equity_is_cash_and_what_is_held_at_the_last_price():
    a_book = traded(order(10))
    worth = a_book.valued({SBIN.id: rupees(103)})
    assert worth.equity == a_book.cash + 1030
    assert worth.equity == MILLION + worth.realised + worth.unrealised - worth.charges


def test_what_has_no_last_price_counts_at_its_cost():
    """Pitfall: a failed read is not zero."""
    worth = traded(order(10)).valued({})
    assert (worth.unrealised, worth.net_exposure) == (0, 1000)


def test_the_multiplier_of_an_instrument_counts_everywhere():
    lot = replace(SBIN, multiplier=25)
    a_book = traded(order(10, instrument=lot))
    assert MILLION - a_book.cash - a_book.fills[0].charges.total == 25_000
    assert a_book.valued({SBIN.id: rupees(101)}).unrealised == 250


def test_the_peak_is_never_below_the_start_and_never_falls():
    a_book = traded(order(10))
    for price in (50, 200, 100):
        a_book.note_peak({SBIN.id: rupees(price)})
    assert a_book.peak_equity == a_book.cash + 2000


@pytest.mark.parametrize(("slippage", "price"), [("5", "100.0500"), ("0", "100.0000")])
def test_slippage_is_a_term_of_the_portfolio(slippage, price):
    assert traded(order(10), slippage=slippage).fills[0].price == Decimal(price)


def test_equity_in_whole_numbers_is_the_valuation_whatever_is_held_and_has_a_price():
    lots = Instrument(9, "LOTS", Decimal("0.05"), multiplier=25)
    orders = [
        order(10),
        order(-4, name="other", strategy=2),
        order(3, instrument=lots),
        order(7, instrument=TCS),
    ]
    a_book = traded(*orders)
    for marks in ({SBIN.id: rupees(103), lots.id: rupees(99), TCS.id: rupees("101.5")}, {SBIN.id: rupees(98)}, {}):
        assert a_book.equity(marks) == a_book.equity(Marks.of(marks)) == a_book.valued(marks).equity


def test_equity_at_columns_of_prices_follows_whatever_moves_the_book():
    a_book, marks = traded(order(10)), Marks.of({SBIN.id: rupees(103), TCS.id: rupees(90)})
    assert a_book.equity(marks) == a_book.cash + 1030
    a_book.hold(2, TCS.id, Position(quantity=2, cost=Decimal(100)))
    assert a_book.equity(marks) == a_book.cash + 1030 + 180
    a_book.place(order(5, name="more"))
    a_book.meet(tick(9, 103))
    assert a_book.equity(marks) == a_book.cash + 1545 + 180
    a_book.hold_nothing()
    assert a_book.equity(marks) == a_book.cash


def test_what_is_held_by_all_strategies_is_known_at_once_also_of_a_loaded_book():
    first = traded(order(10), order(-4, name="other", strategy=2), order(-3, name="third"))
    again = Book(first.starting_cash, first.rates_on, cash=first.cash, positions=dict(first.positions))
    marks = {SBIN.id: rupees(101)}
    assert first.committed(SBIN.id) == again.committed(SBIN.id) == 3
    assert first.equity(marks) == again.equity(marks) == first.valued(marks).equity


def test_who_holds_nothing_any_more_is_worth_its_cash():
    a_book = traded(order(10))
    a_book.hold_nothing()
    assert (a_book.committed(SBIN.id), a_book.equity({SBIN.id: rupees(103)})) == (0, a_book.cash)

from decimal import Decimal

from risk.decide import Stop, behind_clock
from risk.halt import Halt
from risk.limits import Limits
from strategies.signal import Target
from tests.builders import SBIN, TCS, decider, signal, tick
from trading.order import OrderStatus, OrderType
from trading.session import SECOND

RESTING = Target(100, OrderType.LIMIT, limit_price="50")


def decide(a_decider, *signals):
    for one in signals:
        a_decider.act(one)
    return [(d.approved, d.quantity, d.denied_by) for d in a_decider.decisions]


def test_the_order_goes_from_what_is_committed_to_the_target():
    """Pitfall: exits sized from configuration instead of the filled quantity."""
    deciding = decider()
    decide(deciding, signal(100, tick(1, 100)), signal(-50, tick(2, 100)))
    assert [(o.side, o.quantity) for o in deciding.book.working] == [("BUY", 100), ("SELL", 150)]


def test_what_is_there_already_needs_no_order():
    deciding = decider()
    assert decide(deciding, signal(100, tick(1, 100)), signal(100, tick(2, 100)))[1] == (False, 0, ["nothing_to_do"])
    assert len(deciding.book.working) == 1


def test_a_denied_entry_leaves_nothing_to_exit():
    """The signal says SELL 100, but the strategy has nothing: no short is opened by an exit."""
    deciding = decider(Limits(max_position=50))
    found = decide(deciding, signal(100, tick(1, 100)), signal(0, tick(2, 100)))
    assert found == [(False, 0, ["position"]), (False, 0, ["nothing_to_do"])]


def test_two_hundred_signals_do_not_pass_limits_of_fifty_and_a_thousand():
    """Pitfall: positions were never updated: 200 of 200 BUY orders passed limits of 50 trades and 1000 shares."""
    by_position, by_count = decider(Limits()), decider(Limits())
    decide(by_position, *(signal(100 * n, tick(n, 100)) for n in range(1, 201)))
    decide(by_count, *(signal(n, tick(n, 100)) for n in range(1, 201)))
    assert [sum(d.approved for d in one.decisions) for one in (by_position, by_count)] == [10, 50]


def test_a_trade_is_counted_by_strategy():
    deciding = decider(Limits(max_trades_per_day=1))
    found = decide(deciding, *(signal(n, tick(n, 100), strategy=s) for n, s in ((1, 1), (2, 2), (3, 1), (4, 2))))
    assert [approved for approved, *_ in found] == [True, True, False, False]


def test_a_trade_is_counted_on_its_day_in_india():
    """Pitfall: the daily counter was written under one key and read under another."""
    midnight = 14 * 3600 + 45 * 60  # after the open at 09:15
    deciding = decider(Limits(max_trades_per_day=1))
    moments = enumerate((midnight - 2, midnight - 1, midnight, midnight + 1), start=1)
    found = decide(deciding, *(signal(n, tick(n, 100, seconds=s)) for n, s in moments))
    assert [approved for approved, *_ in found] == [True, False, True, False]


def test_only_what_makes_an_order_counts_as_a_trade():
    deciding = decider(Limits(max_trades_per_day=1, max_position=10))
    found = decide(deciding, signal(0, tick(1, 100)), signal(11, tick(2, 100)), signal(5, tick(3, 100)))
    assert [approved for approved, *_ in found] == [False, False, True]


def test_exits_count_as_trades_and_are_never_denied_for_it():
    deciding = decider(Limits(max_trades_per_day=2))
    found = decide(deciding, *(signal(n, tick(i, 100)) for i, n in enumerate((10, 5, 0, 10), start=1)))
    assert found == [(True, 10, []), (True, 5, []), (True, 5, []), (False, 0, ["trades_per_day"])]


def test_the_position_is_that_of_the_portfolio_over_its_strategies():
    deciding = decider(Limits(max_position=100))
    found = decide(deciding, signal(80, tick(1, 100), strategy=1), signal(30, tick(1, 100), strategy=2))
    assert found[1] == (False, 0, ["position"])


def test_instruments_have_positions_of_their_own():
    deciding = decider(Limits(max_position=100))
    found = decide(deciding, signal(100, tick(1, 100, SBIN)), signal(100, tick(2, 100, TCS)))
    assert [approved for approved, *_ in found] == [True, True]


def test_a_halt_denies_everything_and_places_nothing():
    deciding = decider()
    deciding.halts = [Halt("fire")]
    assert decide(deciding, signal(100, tick(1, 100))) == [(False, 0, ["halt"])]
    assert list(deciding.book.working) == []


def test_a_decision_holds_the_order_that_it_made():
    """Pitfall: correlation ids were made anew at every stage: an order's id follows from its signal's."""
    first, again = decider(), decider()
    for one in (first, again):
        decide(one, signal(RESTING, tick(7, 100, seconds=5)))
    order = first.decisions[0].order
    assert order is next(iter(first.book.working))
    assert (order.placed_tick, order.terms, order.strategy) == (7, RESTING.terms(), 1)
    assert order.id == again.decisions[0].order.id != first.decisions[0].signal.id


def test_a_stopped_strategy_loses_its_orders_and_keeps_its_position():
    deciding = decider()
    decide(deciding, signal(100, tick(1, 100)), signal(RESTING, tick(1, 100), strategy=2))
    deciding.book.meet(tick(2, 100))
    decide(deciding, signal(Target(200, OrderType.LIMIT, limit_price=50), tick(2, 100)), Stop(3, 1, 1))
    assert [o.strategy for o in deciding.book.working] == [2]
    assert (deciding.book.closed[-1].status, deciding.book.closed[-1].closed_tick) == (OrderStatus.CANCELLED, 3)
    assert deciding.book.committed(SBIN.id, 1) == 100


def test_a_signal_behind_the_clock_is_denied_and_says_so():
    late = behind_clock(signal(100, tick(3, 100)), clock=9)
    assert (late.approved, late.quantity, late.denied_by) == (False, 0, ["behind_clock"])
    assert (late.verdicts[0].limit, late.verdicts[0].observed) == ("9", "3")


def test_the_age_of_a_price_is_that_of_the_log_however_late_a_decision_is():
    aged = tick(1, 100, seconds=1, arrival=tick(1, 100).time + 4 * SECOND)
    assert decide(decider(Limits(max_age_seconds=Decimal(5))), signal(5, aged))[0][0]

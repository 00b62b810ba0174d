"""Rules about the order and the account: each at its limit, one step inside and one outside."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from portfolio.position import Position, apply
from risk.account_rules import ACCOUNT_RULES
from risk.limits import LIMIT_NAMES, NO_LIMITS, Limits
from risk.rules import LIMIT_OF, asked, judge
from risk.scopes import Scope
from risk.situation import Placed, Situation
from strategies.signal import Target
from tests.builders import OPEN, SBIN, TCS, book, decider, order, rupees, signal, tick
from trading.facts import Exchange, Facts
from trading.marks import Marks
from trading.order import OrderType
from trading.session import DAY, MINUTE, SECOND
from trading.working import Working

PRICE = 100  # of SBIN; TCS stands at 200
AT = tick(5, PRICE)


def limits(**more) -> Limits:
    return Limits(None, None, None, None, **more)


def account(shares: int = 0, tcs: int = 0, cash: str = "100000", working=()):
    made = book(cash=Decimal(cash))
    for instrument, quantity, price in ((SBIN, shares, 100), (TCS, tcs, 200)):
        if quantity:
            made.hold(1, instrument.id, apply(Position(), quantity, Decimal(price), Decimal(0)))
            made.cash -= quantity * price
    made.working = Working(working)
    return made


def situation(ordered: int, its_limits: Limits, its_book=None, target=None, at=AT, latest=(), today=0) -> Situation:
    of = signal(target if target is not None else ordered, at)
    of.marks[TCS.id] = rupees(200)
    its_book = its_book or account()
    held = its_book.committed(SBIN.id)
    return Situation(of, held, ordered, 0, its_limits, None, its_book, today, latest)


def denied(a_situation: Situation) -> list[str]:
    return [verdict.rule for verdict in judge(a_situation) if verdict.denies]


@pytest.mark.parametrize("kind", [dict, Marks.of])
def test_exposure_counts_what_is_filled_working_and_ordered_and_nothing_as_worth_nothing(kind):
    """TCS has no last price: it is worth what was paid, 201.25 on average."""
    held = account(5, working=[order(2), order(-4, instrument=TCS, strategy=2)])
    held.hold(2, TCS.id, apply(Position(), -10, Decimal("201.25"), Decimal(0)))
    held.hold(1, 99, Position(realised=Decimal(7)))
    of = situation(3, limits(), held)
    of = replace(of, signal=replace(of.signal, marks=kind({SBIN.id: rupees("100.05")})))
    sbin, tcs = 10 * Decimal("100.05"), -14 * Decimal("201.25")
    assert (of.exposure, of.net, of.gross) == (sbin, sbin + tcs, sbin - tcs)


LIMIT_AT_90 = Target(1, OrderType.LIMIT, limit_price="90")


@pytest.mark.parametrize(
    ("limit", "value", "inside", "outside", "its_book", "rule"),
    [
        ("max_order_quantity", 10, 10, 11, account(), "order_quantity"),
        ("max_order_value", Decimal(1_000), 10, 11, account(), "order_value"),
        ("max_order_value", Decimal(1_000), -10, -11, account(), "order_value"),
        ("max_position_value", Decimal(1_000), 5, 6, account(5), "position_value"),
        ("max_position_value", Decimal(1_000), -15, -16, account(5), "position_value"),
        ("max_position_value", Decimal(1_000), 3, 4, account(5, working=[order(2)]), "position_value"),
        ("max_gross_exposure", Decimal(3_000), 10, 11, account(0, -10), "gross_exposure"),
        ("max_net_exposure", Decimal(1_000), 30, 31, account(0, -10), "net_exposure"),
        ("max_concentration", Decimal("0.01"), 10, 11, account(), "concentration"),
        ("max_leverage", Decimal(2), 2_000, 2_001, account(), "leverage"),
    ],
)
def test_ceiling_holds_exactly(limit, value, inside, outside, its_book, rule):
    assert denied(situation(inside, limits(**{limit: value}), its_book)) == []
    assert denied(situation(outside, limits(**{limit: value}), its_book)) == [rule]


@pytest.mark.parametrize("limit", ["max_order_quantity", "max_order_value", "max_gross_exposure", "max_leverage"])
def test_exit_is_allowed_where_an_entry_is_not(limit):
    its_limits = limits(**{limit: 0})
    assert denied(situation(-40, its_limits, account(50))) == []
    assert denied(situation(40, its_limits, account(50))) != []


def test_limit_order_is_valued_at_its_limit():
    its_limits = limits(max_order_value=Decimal(900))
    assert denied(situation(10, its_limits, target=Target(10, OrderType.LIMIT, limit_price="90"))) == []
    assert denied(situation(10, its_limits)) == ["order_value"]


def test_what_has_no_last_price_counts_as_what_was_paid():
    """Pitfall: a MARKET order or an unknown price passed as zero."""
    held = situation(1, limits(max_gross_exposure=Decimal(2_100)), account(0, 10))
    held.signal.marks.pop(TCS.id)
    assert denied(held) == []
    held = situation(2, limits(max_gross_exposure=Decimal(2_100)), account(0, 10))
    held.signal.marks.pop(TCS.id)
    assert denied(held) == ["gross_exposure"]


def test_without_equity_nothing_is_small_enough():
    ruined = account(0, -10, cash="10")
    ruined.cash = Decimal(-1)
    assert denied(situation(1, limits(max_leverage=Decimal(1_000)), ruined)) == ["leverage"]


@pytest.mark.parametrize(("working", "expected"), [(1, []), (2, ["open_orders"])])
def test_open_orders_are_counted_with_this_one(working, expected):
    its_book = account(working=[order(1, instrument=TCS, name=str(n)) for n in range(working)])
    assert denied(situation(1, limits(max_open_orders=2), its_book)) == expected


@pytest.mark.parametrize(("today", "expected"), [(4, []), (5, ["orders_per_day"])])
def test_last_order_of_the_day(today, expected):
    assert denied(situation(1, limits(max_orders_per_day=5), today=today)) == expected


@pytest.mark.parametrize(("ages", "expected"), [([0, 1], ["orders_per_second"]), ([0, SECOND], []), ([0], [])])
def test_orders_within_a_second(ages, expected):
    latest = tuple(Placed(AT.time - age, 1, TCS.id, 1) for age in ages)
    assert denied(situation(1, limits(max_orders_per_second=2), latest=latest)) == expected


@pytest.mark.parametrize(
    ("seconds", "strategy", "quantity", "expected"),
    [(9, 1, 7, ["equal_order"]), (10, 1, 7, []), (9, 2, 7, []), (9, 1, 8, []), (9, 1, -7, [])],
)
def test_same_order_again_within_a_window(seconds, strategy, quantity, expected):
    latest = (Placed(AT.time - seconds * SECOND, strategy, SBIN.id, quantity),)
    its_limits = limits(min_seconds_between_equals=Decimal(10))
    assert denied(situation(7, its_limits, latest=latest)) == expected


@pytest.mark.parametrize(("shares", "ordered", "expected"), [(5, -5, []), (5, -6, ["short_selling"]), (-5, 4, [])])
def test_no_short_where_none_is_allowed(shares, ordered, expected):
    assert denied(situation(ordered, limits(may_short=False), account(shares))) == expected


def test_cash_must_pay_for_what_is_on_its_way_and_for_the_charges():
    """10 shares cost 1,000.50 with slippage and some charges; a working buy at its limit counts too."""
    strict = limits(may_overdraw=False)
    assert denied(situation(10, strict, account(cash="1000.50"))) == ["cash"]
    assert denied(situation(10, strict, account(cash="1002"))) == []
    resting = order(10, OrderType.LIMIT, limit="50", instrument=TCS)
    assert denied(situation(10, strict, account(cash="1501", working=[resting]))) == ["cash"]
    assert denied(situation(10, strict, account(cash="1502", working=[resting]))) == []
    assert denied(situation(-10, strict, account(cash="1"))) == []


@pytest.mark.parametrize(
    ("resting", "target", "expected"),
    [
        (order(-5, OrderType.LIMIT, limit="101"), Target(1, OrderType.LIMIT, limit_price="100.95"), []),
        (order(-5, OrderType.LIMIT, limit="101"), Target(1, OrderType.LIMIT, limit_price="101"), ["self_crossing"]),
        (order(-5, OrderType.LIMIT, limit="101"), 1, ["self_crossing"]),
        (order(5, OrderType.LIMIT, limit="99"), 1, []),
        (order(-5, OrderType.LIMIT, limit="101", instrument=TCS), 1, []),
    ],
)
def test_no_trade_with_oneself(resting, target, expected):
    found = situation(10, limits(may_cross_itself=False), account(working=[resting]), target)
    assert denied(found) == expected


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(0, []), (-1, ["session"]), (375 * MINUTE - 1, []), (375 * MINUTE, ["session"]), (5 * DAY, ["session"])],
)
def test_only_while_the_exchange_trades(offset, expected):
    at = tick(5, PRICE, seconds=offset / SECOND)
    assert at.time == OPEN + offset
    assert denied(situation(1, limits(may_trade_after_hours=False), at=at)) == expected


@pytest.mark.parametrize(("price", "expected"), [("99.95", []), ("99.96", ["grid"])])
def test_prices_lie_on_the_grid(price, expected):
    target = Target(1, OrderType.LIMIT, limit_price=price)
    assert denied(situation(1, limits(may_leave_grid=False), target=target)) == expected


def test_rules_that_are_off_say_nothing():
    assert len(judge(situation(10, NO_LIMITS))) == 5


def test_only_rules_that_may_say_something_are_asked():
    """What is known of an instrument may freeze it whatever the limits are."""
    off, on = asked(NO_LIMITS), asked(replace(NO_LIMITS, may_short=False, max_leverage=Decimal(2)))
    assert len(off) == 6
    assert {rule.rule for rule in set(on) - set(off)} == {"short_selling", "leverage"}


def everything() -> Limits:
    numbers = {name: 0 for name in LIMIT_NAMES if name.startswith("m") and not name.startswith("may")}
    return Limits(**numbers, **{name: False for name in LIMIT_NAMES if name.startswith("may")})


def test_every_rule_is_asked_when_all_are_on():
    rules = {f.rule if hasattr(f, "rule") else "equal_order" for f in ACCOUNT_RULES}
    assert rules <= {verdict.rule for verdict in judge(situation(1, everything()))}


def test_every_verdict_says_whose_limit_it_was():
    limits = replace(everything(), allowed_instruments=("X",), forbidden_instruments=("X",))
    facts = Exchange({SBIN.id: Facts(freeze_quantity=1, previous_close=Decimal(100))})
    whose = {name: Scope(limits, kind=name) for name in LIMIT_NAMES}
    found = judge(replace(situation(1, limits), origins=whose, exchange=facts))
    assert {verdict.rule: verdict.scope for verdict in found} == {**LIMIT_OF, "halt": None}


def test_decider_remembers_its_own_orders():
    deciding = decider(limits(max_orders_per_second=1))
    for number, second in ((1, 0), (2, 0.5), (3, 1)):
        deciding.act(signal(number, tick(number, PRICE, seconds=second)))
    assert [d.approved for d in deciding.decisions] == [True, False, True]

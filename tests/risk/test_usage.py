"""How near limits are: what is held, working and done today, against each scope's bound."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from portfolio.position import Position, apply
from risk.limit_services import Whose, change, change_limits
from risk.limits import NO_LIMITS
from risk.scopes import Scope
from risk.usage import Account, nearest_first
from tests import pages, rows
from tests.builders import OPEN, SBIN, TCS, book, order, rupees
from trading.order import OrderType

HALF = Decimal("0.5")


def account(trades=None) -> Account:
    """20 shares of SBIN at 100 held, 10 of TCS at 200 wanted."""
    its_book = book(cash=Decimal(10_000))
    its_book.hold(1, SBIN.id, apply(Position(), 20, Decimal(100), Decimal(0)))
    its_book.cash -= 2_000
    its_book.working.add(order(10, OrderType.LIMIT, limit="200", instrument=TCS))
    marks = {SBIN.id: rupees(100), TCS.id: rupees(200)}
    return Account(its_book, {SBIN.id: SBIN, TCS.id: TCS}, marks, OPEN, trades or {1: 3, 2: 0}, 3)


def found(scope) -> list[tuple]:
    return [(u.limit, u.strategy, u.symbol, u.used, u.fraction) for u in account().usages(scope)]


@pytest.mark.parametrize(
    ("limit", "bound", "expected"),
    [
        ("max_position", 40, [(None, "SBIN", 20, Decimal("0.5")), (None, "TCS", 10, Decimal("0.25"))]),
        ("max_position_value", Decimal(4_000), [(None, "SBIN", 2_000, HALF), (None, "TCS", 2_000, HALF)]),
        ("max_gross_exposure", Decimal(8_000), [(None, None, 4_000, Decimal("0.5"))]),
        ("max_net_exposure", Decimal(4_000), [(None, None, 4_000, Decimal(1))]),
        ("max_leverage", Decimal(2), [(None, None, Decimal("0.4"), Decimal("0.2"))]),
        ("max_open_orders", 4, [(None, None, 1, Decimal("0.25"))]),
        ("max_orders_per_day", 6, [(None, None, 3, Decimal("0.5"))]),
        ("max_trades_per_day", 4, [(1, None, 3, Decimal("0.75")), (2, None, 0, Decimal(0))]),
        ("max_trades_per_day", 0, [(1, None, 3, None), (2, None, 0, None)]),
        ("may_short", False, []),
    ],
)  # fmt: skip
def test_limit_is_used_by_what_is_there(limit, bound, expected):
    assert [row[1:] for row in found(Scope(replace(NO_LIMITS, **{limit: bound})))] == expected


def test_scope_speaks_of_its_own_instrument_and_strategy():
    narrow = Scope(replace(NO_LIMITS, max_position=10), "portfolio+instrument", symbol="TCS")
    assert found(narrow) == [("max_position", None, "TCS", 10, 1)]
    assert found(Scope(replace(NO_LIMITS, max_trades_per_day=6), "strategy", strategy=1)) == [
        ("max_trades_per_day", 1, None, 3, Decimal("0.5"))
    ]


def test_nearest_limit_comes_first():
    limits = replace(NO_LIMITS, max_position=40, max_net_exposure=Decimal(4_000), max_open_orders=0)
    assert [u.limit for u in nearest_first(account().usages(Scope(limits)))][:3] == [
        *("max_open_orders", "max_net_exposure", "max_position")
    ]


@pytest.mark.django_db
def test_owner_sees_usage_of_every_scope_and_nobody_else_does(redis):
    asha = rows.user("asha")
    portfolio = rows.portfolio(asha)
    strategy = rows.strategy(portfolio)
    rows.traded(strategy), rows.position(strategy)
    change(Whose(user=asha), {"max_position": 200})
    change_limits(portfolio, {"max_gross_exposure": Decimal(102_000)})
    where = f"/api/portfolios/{portfolio.pk}/limits-usage/"
    shown = rows.api(asha).get(where).json()
    first = shown["usage"][0]
    assert (first["scope"], first["limit"], first["symbol"], first["fraction"]) == (
        *("user", "max_position", "SBIN", "0.500000"),
    )
    assert [row["scope"] for row in shown["limits"]] == ["user", "portfolio"]
    used = {row["limit"]: row["used"] for row in shown["usage"] if row["scope"] == "portfolio"}
    assert (used["max_trades_per_day"], shown["trade_date"]) == ("1.000000", "2023-04-03")
    assert rows.api(rows.user("ravi")).get(where).status_code == 404


@pytest.mark.django_db
def test_admin_shows_usage_and_why(redis):
    client, strategy = pages.admin(), rows.strategy(rows.portfolio(rows.user()))
    made = rows.traded(strategy)
    rows.position(strategy)
    limits = client.get(f"/admin/risk/limits/{strategy.portfolio.limits.pk}/change/").content.decode()
    assert "max_position (portfolio) SBIN: 100.000000 of 1000.000000" in limits
    decision = client.get(f"/admin/risk/decision/{made.decision.pk}/change/").content.decode()
    assert "Shares held, working and ordered would be 100" in decision


@pytest.mark.django_db
def test_decision_says_why_in_its_detail(redis):
    asha = rows.user("asha")
    made = rows.traded(rows.strategy(rows.portfolio(asha)))
    (why,) = rows.api(asha).get(f"/api/decisions/{made.decision.pk}/").json()["why"]
    assert (why["rule"], why["limit_name"], why["observed"], why["limit"]) == (
        *("position", "max_position", "100", "1000"),
    )
    assert "would be 100; max_position is 1000." in why["sentence"]

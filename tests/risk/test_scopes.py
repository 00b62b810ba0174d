"""Of all limits that concern an order the tightest holds, and a verdict says whose it was."""

from dataclasses import replace
from decimal import Decimal

import pytest
from msgspec import structs

from risk.decide import Decider
from risk.limits import LIMIT_NAMES, NO_LIMITS, Limits
from risk.scopes import Limited, Scope, tightest
from tests.builders import SBIN, TCS, book, signal, tick


def scope(kind="portfolio", version=1, strategy=None, symbol=None, **limits) -> Scope:
    return Scope(structs.replace(NO_LIMITS, **limits), kind, version, strategy, symbol)


@pytest.mark.parametrize(
    ("name", "loose", "tight"),
    [
        ("max_position", 100, 99),
        ("max_position", 1, 0),
        ("max_trades_per_day", 2, 1),
        ("max_price_deviation", Decimal("0.2"), Decimal("0.1")),
        ("max_leverage", Decimal(2), Decimal("1.5")),
        ("min_seconds_between_equals", Decimal(5), Decimal(6)),
        ("may_short", True, False),
    ],
)
def test_tighter_of_two_holds_whoever_set_it(name, loose, tight):
    wide, narrow = scope("user", **{name: loose}), scope("strategy", **{name: tight})
    for scopes in ((wide, narrow), (narrow, wide)):
        found = tightest(scopes, "SBIN")
        assert getattr(found.limits, name) == tight
        assert found.origins[name] is narrow


@pytest.mark.parametrize("told", ["0.1", "0.10", "0.100000"])
def test_a_limit_is_told_as_it_was_set_whoever_had_an_equal_one_before(told):
    assert str(tightest([scope(max_price_deviation=Decimal(told))], "SBIN").limits.max_price_deviation) == told


@pytest.mark.parametrize("name", LIMIT_NAMES)
def test_what_nobody_limits_has_no_origin(name):
    found = tightest([scope("user"), scope()], "SBIN")
    assert (getattr(found.limits, name), found.origins) == (getattr(NO_LIMITS, name), {})


def test_each_limit_comes_from_its_own_scope():
    found = tightest([scope("user", max_position=10, max_open_orders=5), scope(max_position=20, may_short=False)], "X")
    assert {name: held.kind for name, held in found.origins.items()} == {
        "max_position": "user",
        "max_open_orders": "user",
        "may_short": "portfolio",
    }


def test_of_equally_tight_limits_the_wider_speaks():
    assert tightest([scope("user", max_position=5), scope(max_position=5)], "X").origins["max_position"].kind == "user"


def test_limit_of_one_is_not_taken_for_a_permission():
    assert tightest([scope(max_trades_per_day=1)], "X").limits.max_trades_per_day == 1


def decisions(scopes, *signals):
    deciding = Decider(book(), Limited(scopes))
    for one in signals:
        deciding.act(one)
    return deciding.decisions


def verdict_of(decision, rule):
    return next(verdict for verdict in decision.verdicts if verdict.rule == rule)


def test_strategy_and_instrument_are_limited_apart():
    scopes = [
        scope(max_position=100),
        scope("strategy", strategy=2, max_position=50),
        scope("portfolio+instrument", symbol="TCS", max_position=20),
    ]
    asked = [(1, SBIN, 100), (2, SBIN, -51), (2, TCS, 20), (1, TCS, 1)]
    found = decisions(scopes, *(signal(n, tick(i, 100, at), strategy=s) for i, (s, at, n) in enumerate(asked, 1)))
    assert [d.approved for d in found] == [True, True, True, False]
    assert [verdict_of(d, "position").scope for d in found] == [
        *("portfolio", "strategy", "portfolio+instrument", "portfolio+instrument")
    ]


def test_verdict_says_limit_observed_scope_and_version():
    (decision,) = decisions([scope(max_position=100), scope("user", 7, max_position=9)], signal(10, tick(1, 100)))
    found = verdict_of(decision, "position")
    assert (found.limit, found.observed, found.scope, found.version) == ("9", "10", "user", 7)
    assert verdict_of(decision, "stale_price").scope is None


def test_orders_are_remembered_as_long_as_any_scope_asks():
    scopes = [scope(), scope("portfolio+instrument", symbol="SBIN", min_seconds_between_equals=Decimal(10))]
    asked = [signal(5, tick(1, 100, seconds=0)), signal(0, tick(2, 100, seconds=1)), signal(5, tick(3, 100, seconds=9))]
    assert [d.denied_by for d in decisions(scopes, *asked)] == [[], [], ["equal_order"]]


def test_defaults_of_new_portfolios_are_as_documented():
    on = {name: getattr(Limits(), name) for name in LIMIT_NAMES if getattr(Limits(), name) not in (None, True)}
    assert on == {
        "max_position": 1_000,
        "max_trades_per_day": 50,
        "max_price_deviation": Decimal("0.10"),
        "max_age_seconds": 5,
    }


def test_one_answer_holds_for_all_symbols_that_nobody_names():
    scopes = [
        scope(max_position=5, allowed_instruments=("SBIN",)),
        scope("user", max_position=9, allowed_instruments=("SBIN", "TCS")),
    ]
    limits = Limited([*scopes, scope("instrument", symbol="ICICIBANK", max_position=1)])
    names = ["HDFCBANK", "RELIANCE", "SBIN", "TCS", "ICICIBANK"]
    found = [limits.of(signal(1, tick(1, 100, replace(SBIN, symbol=name)))) for name in names]
    assert found[0] is found[1]
    for name, one in zip(names, found, strict=True):
        assert one == tightest([s for s in limits.scopes if s.concerns(1, name)], name)


@pytest.mark.parametrize("limit", ["allowed_instruments", "forbidden_instruments"])
def test_a_symbol_that_any_list_names_has_an_answer_of_its_own(limit):
    """Of two lists that disagree about it the stricter holds, which is not the one for symbols that none names."""
    limits = Limited([scope("user", **{limit: ("SBIN",)}), scope(**{limit: ("TCS",)})])
    for name in ("SBIN", "TCS", "HDFCBANK"):
        assert limits.of(signal(1, tick(1, 100, replace(SBIN, symbol=name)))) == tightest(limits.scopes, name)
    found = limits.of(signal(1, tick(1, 100, replace(SBIN, symbol="TCS" if limit.startswith("forbidden") else "SBIN"))))
    assert found.origins[limit].kind == "portfolio"


def test_equal_limits_are_one_object_for_whoever_looks_up_by_them():
    assert tightest([scope(max_position=5)], "X").limits is tightest([scope(max_position=5)], "Y").limits

"""A person reads why: rule, limit, what was seen, whose limit, and whether an exit was exempt."""

from decimal import Decimal

import pytest
from msgspec.structs import asdict, replace

from risk.account_rules import ACCOUNT_RULES
from risk.exchange_rules import EXCHANGE_RULES
from risk.explanation import WHAT, explained, sentence
from risk.limits import NO_LIMITS
from risk.rules import LIMIT_OF
from risk.scopes import Scope
from tests.builders import decider, signal, tick


def stored(rule="position", limit="100", observed="120", **more):
    return {"rule": rule, "passed": False, "limit": limit, "observed": observed, "is_exempt": False} | more


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (
            stored(scope="user", version=3),
            "Shares held, working and ordered would be 120; max_position of the user in version 3 is 100. Denied.",
        ),
        (
            stored(is_exempt=True, scope="portfolio", version=1),
            "Shares held, working and ordered would be 120; max_position of the portfolio in version 1 is 100."
            " An exit is exempt.",
        ),
        (stored(passed=True, limit=None), "Shares held, working and ordered would be 120; no limit is set."),
        (
            stored("cash", "never", "-5.000000 rupees"),
            "When all working buys fill at their worst, cash would be -5.000000 rupees; may_overdraw forbids it."
            " Denied.",
        ),
        (stored("halt", "HALTED", "fire"), "A halt (HALTED) is in force: fire. Denied."),
        (stored("halt", None, None, passed=True), "halt: nothing against it."),
        (
            stored("behind_clock", "9", "3"),
            "The signal of tick 3 came when the portfolio's clock stood at 9. Denied.",
        ),
    ],
)
def test_verdict_in_words(verdict, expected):
    assert sentence(verdict) == expected


def test_every_rule_with_a_limit_has_words_of_its_own():
    assert set(WHAT) == set(LIMIT_OF)
    assert len(LIMIT_OF) == len(ACCOUNT_RULES) + len(EXCHANGE_RULES) + 4


def test_what_denied_comes_first_and_nothing_is_left_out():
    limited = replace(NO_LIMITS, max_order_value=Decimal(50), max_trades_per_day=9)
    deciding = decider(limited)
    deciding.limits.scopes = [Scope(limited, "user", 4)]
    decision = deciding.decide(signal(10, tick(1, 100)))
    rows = explained([asdict(verdict) for verdict in decision.verdicts])
    assert [row["rule"] for row in rows if row["denies"]] == [rows[0]["rule"]] == ["order_value"]
    assert (rows[0]["limit_name"], rows[0]["scope"], rows[0]["version"]) == ("max_order_value", "user", 4)
    assert len(rows) == len(decision.verdicts)


def test_verdict_from_before_scopes_is_explained_too():
    assert sentence({"rule": "position", "limit": "1000", "observed": "100"}).startswith("Shares held")

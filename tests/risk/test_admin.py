"""Limits are changed in versions, halts set and lifted, decisions looked at."""

import pytest

from risk.limits import LIMIT_NAMES
from risk.models import Halt, Limits, LimitsChange
from tests import pages, rows

pytestmark = pytest.mark.django_db
MAY = dict.fromkeys((name for name in LIMIT_NAMES if name.startswith("may_")), "on")
LIMITS, HALTS = "/admin/risk/limits/", "/admin/risk/halt/"


@pytest.fixture
def client():
    return pages.admin()


@pytest.fixture
def portfolio():
    return rows.portfolio(rows.user())


def test_changed_limit_makes_a_version(client, portfolio):
    given = {"max_position": 5, "max_trades_per_day": "", "max_price_deviation": "0.1", "max_age_seconds": "5"} | MAY
    client.post(f"{LIMITS}{portfolio.limits.pk}/change/", given)
    limits = Limits.objects.get()
    assert (limits.version, limits.max_position, limits.max_trades_per_day) == (2, 5, None)


def test_changed_defaults_are_for_new_portfolios(client):
    defaults = Limits.objects.create(portfolio=None)
    client.post(f"{LIMITS}{defaults.pk}/change/", {"max_position": 7})
    assert rows.portfolio(rows.user()).limits.max_position == 7


def test_change_says_who_made_it_and_what_it_was_before(client, portfolio):
    client.post(f"{LIMITS}{portfolio.limits.pk}/change/", {"max_position": 5, "max_leverage": "2.5"} | MAY)
    change = LimitsChange.objects.get()
    assert (change.changed_by.username, change.version) == ("boss", 2)
    assert (change.before["max_position"], change.after["max_position"]) == (1_000, 5)
    assert change.after["max_leverage"] == "2.500000"
    assert "may_short" not in change.after
    assert client.get("/admin/risk/limitschange/").status_code == 200


def test_unchanged_limits_keep_their_version(client, portfolio):
    given = {"max_position": 1000, "max_trades_per_day": 50, "max_price_deviation": "0.1", "max_age_seconds": "5"} | MAY
    client.post(f"{LIMITS}{portfolio.limits.pk}/change/", given)
    portfolio.limits.refresh_from_db()
    assert portfolio.limits.version == 1


def test_wrong_limit_is_explained(client, portfolio):
    answer = client.post(f"{LIMITS}{portfolio.limits.pk}/change/", {"max_price_deviation": "-1"})
    assert answer.status_code == 200
    assert "greater than or equal to 0" in " ".join(pages.messages(answer))


def test_halt_is_set_and_lifted_with_a_reason(client, portfolio):
    client.post(f"{HALTS}add/", {"portfolio": portfolio.pk, "state": "HALTED", "reason": "news"})
    halt = Halt.objects.get()
    assert halt.created_by.username == "boss"
    client.post(HALTS, {"action": "lift", "_selected_action": [halt.pk], "reason": "over"})
    halt.refresh_from_db()
    assert (halt.lift_reason, halt.lifted_by.username) == ("over", "boss")


def test_halt_of_a_strategy_names_its_portfolio(client, portfolio):
    strategy = rows.strategy(portfolio)
    answer = client.post(f"{HALTS}add/", {"strategy": strategy.pk, "state": "REDUCING", "reason": "odd"})
    assert "name its portfolio" in " ".join(pages.messages(answer))
    client.post(
        f"{HALTS}add/",
        {"portfolio": portfolio.pk, "strategy": strategy.pk, "state": "REDUCING", "reason": "odd"},
    )
    assert Halt.objects.get().strategy == strategy


def test_lifting_without_a_reason_is_refused(client, portfolio):
    halt = Halt.objects.create(portfolio=portfolio, reason="news")
    answer = client.post(HALTS, {"action": "lift", "_selected_action": [halt.pk]}, follow=True)
    assert "say why" in " ".join(pages.messages(answer))
    assert Halt.objects.get().lifted_at is None


def test_halt_is_not_rewritten(client, portfolio):
    halt = Halt.objects.create(portfolio=portfolio, reason="news")
    assert client.post(f"{HALTS}{halt.pk}/change/", {"reason": "other"}).status_code == 403


def test_decisions_are_only_looked_at(client, portfolio):
    made = rows.traded(rows.strategy(portfolio))
    assert pages.is_view_only(client, "risk/decision", made.decision.pk)


@pytest.mark.parametrize("nonsense", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_nonsense_is_no_limit(client, portfolio, nonsense):
    """Pitfall: NaN, infinity and zero passed as if they limited something."""
    answer = client.post(f"{LIMITS}{portfolio.limits.pk}/change/", {"max_leverage": nonsense} | MAY)
    assert (answer.status_code, pages.messages(answer) != []) == (200, True)
    assert (portfolio.limits.version, portfolio.limits.max_leverage) == (1, None)


@pytest.mark.parametrize("symbols", ['["NOBODY"]', '"SBIN"', "[5]", "{"])
def test_instruments_that_are_not_there_are_no_limit(client, portfolio, symbols):
    """A symbol that is mistyped would forbid nothing."""
    answer = client.post(f"{LIMITS}{portfolio.limits.pk}/change/", {"forbidden_instruments": symbols} | MAY)
    assert (answer.status_code, pages.messages(answer) != []) == (200, True)
    assert portfolio.limits.forbidden_instruments is None


def test_forbidden_instruments_are_kept_in_a_version(client, portfolio):
    rows.instrument("SBIN")
    client.post(f"{LIMITS}{portfolio.limits.pk}/change/", {"forbidden_instruments": '["SBIN"]'} | MAY)
    assert (portfolio.limits.forbidden_instruments, portfolio.limits.version) == (["SBIN"], 2)

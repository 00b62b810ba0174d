"""Decisions with their verdicts, limits that are changed in versions, halts."""

import pytest

from risk.models import Halt, Limits
from tests import rows

pytestmark = pytest.mark.django_db
LIMITS, HALTS = "/api/risk/limits/", "/api/risk/halts/"


@pytest.fixture
def asha():
    return rows.user("asha")


@pytest.fixture
def portfolio(asha):
    return rows.portfolio(asha)


@pytest.fixture
def client(asha):
    return rows.api(asha)


@pytest.fixture
def stranger():
    return rows.api(rows.user("ravi"))


@pytest.fixture
def staff():
    return rows.api(rows.user("sita", is_staff=True))


def test_decision_shows_every_verdict_and_its_order(client, portfolio):
    made = rows.traded(rows.strategy(portfolio))
    decision = client.get("/api/decisions/").json()["results"][0]
    assert decision["verdicts"] == [{"rule": "position", "limit": "1000", "observed": "100"}]
    assert (decision["order"], decision["signal"]) == (str(made.order.pk), str(made.signal.pk))


def test_denied_decision_has_no_order(client, portfolio):
    made = rows.traded(rows.strategy(portfolio))
    made.fill.delete(), made.order.delete()
    assert client.get(f"/api/decisions/{made.decision.pk}/").json()["order"] is None


def test_decisions_are_mine_only(stranger, portfolio):
    made = rows.traded(rows.strategy(portfolio))
    assert stranger.get("/api/decisions/").json()["results"] == []
    assert stranger.get(f"/api/decisions/{made.decision.pk}/").status_code == 404


@pytest.mark.parametrize(("approved", "count"), [("true", 1), ("false", 0)])
def test_decisions_are_filtered_by_verdict(client, portfolio, approved, count):
    rows.traded(rows.strategy(portfolio))
    assert len(client.get(f"/api/decisions/?approved={approved}").json()["results"]) == count


def test_queries_do_not_grow_with_decisions(client, portfolio, django_assert_max_num_queries):
    by = rows.strategy(portfolio)
    for tick in range(5):
        rows.traded(by, tick)
    with django_assert_max_num_queries(2):
        assert len(client.get("/api/decisions/").json()["results"]) == 5


def test_limits_of_a_portfolio_are_shown(client, portfolio):
    limits = client.get(LIMITS).json()["results"]
    assert [(row["portfolio"], row["max_position"]) for row in limits] == [(portfolio.pk, 1_000)]


def test_defaults_are_not_a_portfolios_limits(staff):
    Limits.objects.create(portfolio=None)
    assert staff.get(LIMITS).json()["results"] == []


def test_limit_is_changed_and_another_switched_off(client, portfolio):
    given = {"max_position": 5, "max_trades_per_day": None, "max_price_deviation": "0.2"}
    changed = client.patch(f"{LIMITS}{portfolio.pk}/", given).json()
    assert (changed["version"], changed["max_position"], changed["max_trades_per_day"]) == (2, 5, None)
    assert (changed["max_price_deviation"], changed["max_age_seconds"]) == ("0.200000", "5.000")


@pytest.mark.parametrize(
    "wrong", [{"max_position": -1}, {"max_price_deviation": "NaN"}, {"max_age_seconds": "x"}, {"typo": 1}]
)
def test_wrong_limit_is_named_and_changes_nothing(client, portfolio, wrong):
    answer = client.patch(f"{LIMITS}{portfolio.pk}/", wrong)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(wrong))
    assert client.get(f"{LIMITS}{portfolio.pk}/").json()["version"] == 1


def test_somebody_elses_limits_are_not_there(stranger, portfolio):
    assert stranger.get(f"{LIMITS}{portfolio.pk}/").status_code == 404
    assert stranger.patch(f"{LIMITS}{portfolio.pk}/", {"max_position": 9}).status_code == 404


def test_portfolio_is_halted_and_the_halt_lifted(client, portfolio):
    halt = client.post(HALTS, {"portfolio": portfolio.pk, "reason": "news"})
    assert (halt.status_code, halt.json()["in_force"]) == (201, True)
    lifted = client.post(f"{HALTS}{halt.json()['id']}/lift/", {"reason": "over"}).json()
    assert (lifted["in_force"], lifted["lift_reason"]) == (False, "over")


def test_one_strategy_is_set_to_exits_only(client, portfolio, stranger):
    given = {"portfolio": portfolio.pk, "strategy": rows.strategy(portfolio).pk, "state": "REDUCING", "reason": "odd"}
    made = client.post(HALTS, given).json()
    assert (made["strategy"], made["state"], made["in_force"]) == (given["strategy"], "REDUCING", True)
    assert stranger.get(HALTS).json()["results"] == []


@pytest.mark.parametrize("wrong", [{"strategy": 10**9}, {"state": "PANIC"}, {"strategy": "x"}])
def test_wrong_scope_or_state_is_named(client, portfolio, wrong):
    answer = client.post(HALTS, {"portfolio": portfolio.pk, "reason": "x"} | wrong)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(wrong))


def test_halt_needs_a_reason(client, portfolio):
    answer = client.post(HALTS, {"portfolio": portfolio.pk, "reason": " "})
    assert list(answer.json()["errors"]) == ["reason"]


def test_only_staff_halts_everything(client, staff):
    assert client.post(HALTS, {"reason": "news"}).status_code == 403
    assert staff.post(HALTS, {"reason": "news"}).status_code == 201


def test_halt_of_everything_is_seen_by_all_and_lifted_by_staff(client, staff):
    halt = Halt.objects.create(reason="news")
    assert [row["id"] for row in client.get(HALTS).json()["results"]] == [halt.pk]
    assert client.post(f"{HALTS}{halt.pk}/lift/", {"reason": "over"}).status_code == 403
    assert staff.post(f"{HALTS}{halt.pk}/lift/", {"reason": "over"}).status_code == 200


def test_somebody_elses_halt_is_not_there(stranger, portfolio):
    halt = Halt.objects.create(portfolio=portfolio, reason="news")
    assert stranger.get(HALTS).json()["results"] == []
    assert stranger.post(f"{HALTS}{halt.pk}/lift/", {"reason": "over"}).status_code == 404
    assert stranger.post(HALTS, {"portfolio": portfolio.pk, "reason": "x"}).status_code == 400


def test_queries_do_not_grow_with_halts(client, portfolio, django_assert_max_num_queries):
    for _ in range(5):
        Halt.objects.create(portfolio=portfolio, reason="news")
    with django_assert_max_num_queries(1):
        assert len(client.get(HALTS).json()["results"]) == 5


def test_changes_of_limits_are_listed_with_before_and_after(client, portfolio, stranger):
    client.patch(f"{LIMITS}{portfolio.pk}/", {"max_order_value": "5000", "may_short": False}, format="json")
    (change,) = client.get(f"{LIMITS}{portfolio.pk}/changes/").json()
    assert change["before"] == {"max_order_value": None, "may_short": True}
    assert change["after"] == {"max_order_value": "5000.000000", "may_short": False}
    assert (change["version"], change["by"]) == (2, "asha")
    assert stranger.get(f"{LIMITS}{portfolio.pk}/changes/").status_code == 404


@pytest.mark.parametrize("name", ["max_order_quantity", "max_leverage", "min_seconds_between_equals"])
@pytest.mark.parametrize("value", ["-1", "NaN", "Infinity", "a lot"])
def test_nonsense_for_a_limit_is_refused_by_name(client, portfolio, name, value):
    answer = client.patch(f"{LIMITS}{portfolio.pk}/", {name: value}, format="json")
    assert answer.status_code == 400
    assert name in answer.json()["errors"]

"""Limits of people, strategies and instruments: who sees them, who changes them."""

import pytest

from risk.limit_services import Whose, change
from risk.models import Limits, LimitsChange
from tests import rows

pytestmark = pytest.mark.django_db
SCOPES = "/api/risk/scopes/"


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


def test_strategy_and_instrument_are_limited_by_the_owner(client, portfolio):
    given = {"portfolio": portfolio.pk, "strategy": rows.strategy(portfolio).pk, "instrument": rows.instrument().pk}
    made = client.post(SCOPES, given | {"max_position": 5, "may_short": False})
    assert made.status_code == 201
    shown = made.json()
    assert (shown["scope"], shown["symbol"], shown["version"]) == ("strategy+instrument", "SBIN", 1)
    assert (shown["max_position"], shown["may_short"], shown["max_trades_per_day"]) == (5, False, None)


def test_same_scope_twice_is_one_row_in_two_versions(client, portfolio):
    given = {"portfolio": portfolio.pk, "instrument": rows.instrument().pk}
    client.post(SCOPES, given | {"max_position": 5})
    second = client.post(SCOPES, given | {"max_open_orders": 2}).json()
    assert (second["version"], second["max_position"], second["max_open_orders"]) == (2, 5, 2)
    assert Limits.objects.exclude(instrument=None).count() == 1


def test_change_of_a_scope_is_recorded(client, portfolio):
    made = client.post(SCOPES, {"portfolio": portfolio.pk, "instrument": rows.instrument().pk, "max_position": 5})
    client.patch(f"{SCOPES}{made.json()['id']}/", {"max_position": 4})
    latest, first = client.get(f"{SCOPES}{made.json()['id']}/changes/").json()
    assert (first["before"], first["after"], first["by"]) == ({"max_position": None}, {"max_position": 5}, "asha")
    assert (latest["before"], latest["after"], latest["version"]) == ({"max_position": 5}, {"max_position": 4}, 2)


def test_only_staff_limits_people_and_everybody(client, staff, asha):
    for given in ({"user": asha.pk}, {"instrument": rows.instrument().pk}, {}):
        assert client.post(SCOPES, given | {"max_position": 5}).status_code == 403
        assert staff.post(SCOPES, given | {"max_position": 5}).status_code == 201
    assert {change.limits.kind for change in LimitsChange.objects.all()} == {"user", "instrument", "new portfolios"}


def test_person_sees_what_holds_for_them_but_does_not_loosen_it(client, staff, asha, portfolio):
    made = staff.post(SCOPES, {"user": asha.pk, "max_position": 5}).json()
    seen = {row["scope"] for row in client.get(SCOPES).json()["results"]}
    assert seen == {"user", "portfolio"}
    assert client.patch(f"{SCOPES}{made['id']}/", {"max_position": None}).status_code == 403


def test_somebody_elses_scopes_are_not_there(stranger, portfolio, asha):
    change(Whose(user=asha), {"max_position": 5})
    mine = Limits.objects.get(portfolio=portfolio)
    assert stranger.get(SCOPES).json()["results"] == []
    assert stranger.patch(f"{SCOPES}{mine.pk}/", {"max_position": 9}).status_code == 404
    assert stranger.post(SCOPES, {"portfolio": portfolio.pk, "max_position": 9}).status_code == 400


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"strategy": 10**9}, "strategy"),
        ({"instrument": 10**9}, "instrument"),
        ({"max_position": "NaN"}, "max_position"),
        ({"typo": 1}, "typo"),
    ],
)
def test_what_is_wrong_with_a_scope_is_named(client, portfolio, wrong, named):
    answer = client.post(SCOPES, {"portfolio": portfolio.pk} | wrong)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [named])
    assert Limits.objects.count() == 1


def test_strategy_of_another_portfolio_is_refused(client, asha, portfolio):
    other = rows.strategy(rows.portfolio(asha, "other"))
    answer = client.post(SCOPES, {"portfolio": portfolio.pk, "strategy": other.pk, "max_position": 1})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["strategy"])


def test_user_and_portfolio_together_are_refused(staff, asha, portfolio):
    answer = staff.post(SCOPES, {"user": asha.pk, "portfolio": portfolio.pk, "max_position": 1})
    assert answer.status_code == 400
    assert "of a user or of a portfolio" in answer.json()["detail"]


def test_scopes_are_filtered_by_portfolio(client, asha, portfolio):
    rows.portfolio(asha, "other")
    found = client.get(f"{SCOPES}?portfolio={portfolio.pk}").json()["results"]
    assert [row["portfolio"] for row in found] == [portfolio.pk]

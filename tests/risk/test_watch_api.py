"""Exit rules, triggers and flattening halts by API and admin: changed in versions, by those whose they are."""

import pytest

from risk.models import ExitRules, ExitRulesChange, Halt, Triggers
from tests import pages, rows

pytestmark = pytest.mark.django_db
EXITS, TRIGGERS, HALTS = "/api/risk/exits/", "/api/risk/triggers/", "/api/risk/halts/"


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


def test_exit_rules_are_made_changed_and_their_changes_told(client, portfolio):
    made = client.post(EXITS, {"portfolio": portfolio.pk, "max_daily_loss": "5000", "square_off": "15:15"})
    assert (made.status_code, made.json()["max_daily_loss"], made.json()["version"]) == (201, "5000.000000", 1)
    place = f"{EXITS}{made.json()['id']}/"
    changed = client.patch(place, {"max_daily_loss": None, "stop_loss": "0.02"}).json()
    assert (changed["max_daily_loss"], changed["stop_loss"], changed["square_off"]) == (None, "0.020000", "15:15:00")
    first = client.get(f"{place}changes/").json()[0]
    assert (first["version"], first["by"], first["before"]["max_daily_loss"]) == (2, "asha", "5000.000000")


def test_rules_that_are_on_let_ticks_be_looked_at(client, portfolio):
    made = client.post(EXITS, {"portfolio": portfolio.pk, "stop_loss": "0.02"}).json()
    portfolio.refresh_from_db()
    assert portfolio.is_watched
    client.patch(f"{EXITS}{made['id']}/", {"stop_loss": None})
    portfolio.refresh_from_db()
    assert not portfolio.is_watched


def test_rules_of_a_strategy_and_an_instrument(client, portfolio):
    strategy, instrument = rows.strategy(portfolio), rows.instrument()
    given = {"portfolio": portfolio.pk, "strategy": strategy.pk, "instrument": instrument.pk, "target": "0.05"}
    assert client.post(EXITS, given).json()["symbol"] == "SBIN"
    assert client.post(EXITS, given | {"target": "0.04"}).json()["version"] == 2
    assert ExitRules.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"stop_loss": "0"}, "above 0"),
        ({"max_drawdown": "1.5"}, "below 1"),
        ({"square_off": "tea time"}, "square_off"),
        ({"strategy": 99}, "there is no such strategy"),
        ({"nonsense": 1}, "cannot be set here"),
        ({"portfolio": None}, "portfolio"),
    ],
)
def test_what_is_wrong_with_rules_is_named(client, portfolio, given, named):
    answer = client.post(EXITS, {"portfolio": portfolio.pk} | given)
    assert (answer.status_code, named in answer.content.decode()) == (400, True), answer.content
    assert not ExitRulesChange.objects.exists()


def test_rule_about_the_portfolio_is_refused_for_an_instrument(client, portfolio):
    given = {"portfolio": portfolio.pk, "instrument": rows.instrument().pk, "max_daily_loss": "5"}
    assert "whole portfolio" in client.post(EXITS, given).content.decode()
    assert not ExitRules.objects.exists()


def test_rules_and_triggers_are_mine_only(client, stranger, portfolio):
    place = f"{EXITS}{client.post(EXITS, {'portfolio': portfolio.pk, 'target': '0.1'}).json()['id']}/"
    client.post(TRIGGERS, {"portfolio": portfolio.pk, "max_shard_lag": 5})
    assert stranger.get(EXITS).json()["results"] == stranger.get(TRIGGERS).json()["results"] == []
    assert stranger.patch(place, {"target": None}).status_code == 404
    assert stranger.post(EXITS, {"portfolio": portfolio.pk, "target": "0.1"}).status_code == 400
    assert stranger.post(TRIGGERS, {"portfolio": portfolio.pk}).status_code == 400


def test_triggers_are_set_and_changed(client, portfolio):
    made = client.post(TRIGGERS, {"portfolio": portfolio.pk, "max_denials_per_minute": 10, "flattens": True})
    assert (made.status_code, made.json()["max_denials_per_minute"], made.json()["state"]) == (201, 10, "REDUCING")
    place = f"{TRIGGERS}{portfolio.pk}/"
    assert client.patch(place, {"max_denials_per_minute": None}).json()["max_denials_per_minute"] is None
    assert [row["version"] for row in client.get(f"{place}changes/").json()] == [2, 1]


def test_flattening_halt_tells_what_is_left(client, stranger, portfolio):
    strategy = rows.strategy(portfolio)
    rows.position(strategy)
    given = {"portfolio": portfolio.pk, "reason": "fire", "flatten": True}
    halt = client.post(HALTS, given).json()
    assert (halt["state"], halt["progress"], halt["flatten"]) == ("REDUCING", "flattening", True)
    assert halt["left"] == [
        {"portfolio": portfolio.pk, "strategy": strategy.pk, "symbol": "SBIN", "quantity": 100},
    ]


def test_what_others_hold_is_not_told(client, stranger, portfolio):
    rows.position(rows.strategy(portfolio))
    boss = rows.api(rows.user("sita", is_staff=True))
    assert len(boss.post(HALTS, {"reason": "fire", "flatten": True}).json()["left"]) == 1
    assert stranger.get(HALTS).json()["results"][0]["left"] == []
    assert len(client.get(HALTS).json()["results"][0]["left"]) == 1


def test_admin_changes_rules_and_triggers_in_versions(portfolio):
    boss = pages.admin()
    page = "/admin/risk/exitrules/"
    boss.post(f"{page}add/", {"portfolio": portfolio.pk, "stop_loss": "0.02", "breach_state": "REDUCING"})
    row = ExitRules.objects.get()
    boss.post(f"{page}{row.pk}/change/", {"stop_loss": "0.01", "breach_state": "REDUCING"})
    row.refresh_from_db()
    assert (row.version, str(row.stop_loss), row.changes.first().changed_by.username) == (2, "0.010000", "boss")
    boss.post("/admin/risk/triggers/add/", {"portfolio": portfolio.pk, "max_shard_lag": 9, "state": "HALTED"})
    assert (Triggers.objects.get().max_shard_lag, Triggers.objects.get().state) == (9, "HALTED")
    for name in ("exitrules", "triggers", "exitruleschange", "triggerschange", "halt"):
        assert boss.get(f"/admin/risk/{name}/").status_code == 200


def test_admin_explains_a_rule_that_is_wrong(portfolio):
    given = {"portfolio": portfolio.pk, "stop_loss": "2", "breach_state": "REDUCING"}
    answer = pages.admin().post("/admin/risk/exitrules/add/", given)
    assert "below 1" in " ".join(pages.messages(answer))


def test_admin_flattens(portfolio):
    given = {"portfolio": portfolio.pk, "state": "HALTED", "flatten": "on", "reason": "news"}
    pages.admin().post("/admin/risk/halt/add/", given)
    assert (Halt.objects.get().flatten, Halt.objects.get().state) == (True, "REDUCING")

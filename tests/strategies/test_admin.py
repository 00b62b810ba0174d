"""Strategies are configured in the admin; each change is a version, each wrong one a message."""

import json

import pytest

from strategies.models import Strategy
from tests import pages, rows

pytestmark = pytest.mark.django_db
HERE = "/admin/strategies/strategy/"


@pytest.fixture
def client():
    return pages.admin()


@pytest.fixture
def follow():
    return rows.strategy(rows.portfolio(rows.user()))


def form(parameters, **more):
    text = parameters if isinstance(parameters, str) else json.dumps(parameters)
    return {"type": "momentum", "parameters": text, "instruments": [], **more}


def act(client, action, *chosen):
    given = {"action": action, "_selected_action": [strategy.pk for strategy in chosen]}
    return client.post(HERE, given, follow=True)


def test_strategy_is_made_with_its_instruments(client):
    portfolio, sbin = rows.portfolio(rows.user()), rows.instrument("SBIN")
    given = form({"lookback": 5}, portfolio=portfolio.pk, name="new", instruments=[sbin.pk])
    assert client.post(f"{HERE}add/", given).status_code == 302
    made = Strategy.objects.get()
    assert made.versions.get().parameters["lookback"] == 5
    assert list(made.instruments.all()) == [sbin]


def test_change_of_parameters_makes_a_version(client, follow):
    client.post(f"{HERE}{follow.pk}/change/", form({"lookback": 7}))
    assert [v.number for v in follow.versions.all()] == [2, 1]


def test_form_shows_the_newest_version(client, follow):
    client.post(f"{HERE}{follow.pk}/change/", form({"lookback": 77}))
    assert "77" in client.get(f"{HERE}{follow.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"lookback": 0}, "lookback: Input should be greater than or equal to 1"),
        ({"typo": 1}, "typo: Extra inputs are not permitted"),
        ("[1]", "dictionary"),
        ("{", "Enter a valid JSON."),
    ],
)
def test_wrong_parameters_are_explained_and_change_nothing(client, follow, parameters, message):
    answer = client.post(f"{HERE}{follow.pk}/change/", form(parameters))
    assert message in " ".join(pages.messages(answer))
    assert follow.versions.count() == 1


def test_instruments_are_changed_without_a_new_version(client, follow):
    client.post(f"{HERE}{follow.pk}/change/", form({"lookback": 7}))
    client.post(f"{HERE}{follow.pk}/change/", form({"lookback": 7}, instruments=[rows.instrument().pk]))
    assert follow.instruments.count() == 1
    assert follow.versions.count() == 2


def test_start_and_stop_are_actions(client, follow):
    assert "takes effect" in " ".join(pages.messages(act(client, "start", follow)))
    assert Strategy.objects.get().status == "RUNNING"
    act(client, "stop", follow)
    assert Strategy.objects.get().status == "STOPPED"


def test_start_that_is_not_possible_is_explained(client, follow):
    follow.versions.update(type="gone")
    assert "unknown strategy type" in " ".join(pages.messages(act(client, "start", follow)))


def test_versions_and_signals_are_only_looked_at(client, follow):
    made = rows.traded(follow)
    assert pages.is_view_only(client, "strategies/strategyversion", follow.versions.get().pk)
    assert pages.is_view_only(client, "strategies/signal", made.signal.pk)


def test_queries_do_not_grow_with_strategies(client, follow, django_assert_max_num_queries):
    for n in range(5):
        rows.strategy(follow.portfolio, f"another {n}")
    with django_assert_max_num_queries(7):
        assert client.get(HERE).status_code == 200

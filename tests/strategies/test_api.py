"""Strategy types, strategies in versions, start and stop, signals."""

import pytest

from strategies.models import Control
from tests import rows

pytestmark = pytest.mark.django_db
HERE = "/api/strategies/"


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
def follow(portfolio):
    return rows.strategy(portfolio)


def new(opened, **more):
    given = {"portfolio": opened.pk, "name": "follow", "type": "momentum", "parameters": {"lookback": 5}}
    return {**given, **more}


def test_types_come_with_the_schema_of_their_parameters(client):
    types = {row["name"]: row for row in client.get("/api/strategy-types/").json()["results"]}
    assert {"momentum", "mean_reversion"} <= set(types)
    assert types["momentum"]["parameters"]["properties"]["lookback"]["default"] == 20


def test_strategy_is_made_with_its_first_version(client, portfolio):
    rows.instrument("SBIN")
    answer = client.post(HERE, new(portfolio, instruments=["SBIN"]))
    assert answer.status_code == 201
    made = answer.json()
    assert (made["version"], made["status"], made["instruments"]) == (1, "NEW", ["SBIN"])
    assert made["parameters"]["lookback"] == 5


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"type": "alchemy"}, "alchemy"),
        ({"parameters": {"lookback": 0}}, "lookback"),
        ({"parameters": {"typo": 1}}, "typo"),
        ({"parameters": {"threshold": "NaN"}}, "threshold"),
        ({"parameters": [1]}, "parameters"),
        ({"parameters": {"lookback": "\x00"}}, "lookback"),
        ({"instruments": ["NOPE"]}, "NOPE"),
        ({"name": ""}, "name"),
        ({"portfolio": 0}, "portfolio"),
    ],
)
def test_wrong_strategy_is_refused_by_name(client, portfolio, wrong, named):
    answer = client.post(HERE, new(portfolio, **wrong))
    assert answer.status_code == 400
    assert named in answer.json()["detail"]


def test_name_that_is_taken_is_refused(client, portfolio):
    client.post(HERE, new(portfolio))
    assert client.post(HERE, new(portfolio)).status_code == 400


def test_somebody_elses_portfolio_gets_no_strategy(stranger, portfolio):
    answer = stranger.post(HERE, new(portfolio))
    assert answer.json()["errors"] == {"portfolio": ["there is no such portfolio"]}


def test_change_makes_a_new_version(client, follow):
    changed = client.patch(f"{HERE}{follow.pk}/", {"parameters": {"lookback": 7}}).json()
    assert (changed["version"], changed["parameters"]["lookback"]) == (2, 7)
    assert follow.versions.count() == 2


def test_change_of_type_is_whole_or_not_at_all(client, follow):
    given = {"type": "mean_reversion", "parameters": {"entry_z": 3}}
    assert client.put(f"{HERE}{follow.pk}/", given).json()["type"] == "mean_reversion"
    assert client.put(f"{HERE}{follow.pk}/", {"type": "momentum"}).status_code == 400


def test_wrong_parameters_change_nothing(client, follow):
    answer = client.patch(f"{HERE}{follow.pk}/", {"parameters": {"lookback": -1}})
    assert answer.status_code == 400
    assert follow.versions.count() == 1


def test_instruments_can_be_changed(client, follow):
    rows.instrument("TCS")
    assert client.patch(f"{HERE}{follow.pk}/", {"instruments": ["TCS"]}).json()["instruments"] == ["TCS"]
    assert follow.versions.count() == 1


def test_what_cannot_be_changed_is_named(client, follow):
    answer = client.patch(f"{HERE}{follow.pk}/", {"name": "other"})
    assert answer.json()["errors"] == {"name": ["cannot be set here"]}


def test_start_and_stop_are_controls(client, follow):
    assert client.post(f"{HERE}{follow.pk}/start/").json()["status"] == "RUNNING"
    assert client.post(f"{HERE}{follow.pk}/stop/").json()["status"] == "STOPPED"
    assert [c.kind for c in Control.objects.order_by("pk")] == ["START", "STOP"]


def test_strategies_are_never_deleted(client, follow):
    assert client.delete(f"{HERE}{follow.pk}/").status_code == 405


@pytest.mark.parametrize(("method", "path"), [("get", ""), ("patch", ""), ("post", "start/"), ("post", "stop/")])
def test_somebody_elses_strategy_is_not_there(stranger, follow, method, path):
    assert getattr(stranger, method)(f"{HERE}{follow.pk}/{path}").status_code == 404


def test_queries_do_not_grow_with_strategies(client, portfolio, django_assert_max_num_queries):
    for n in range(5):
        rows.strategy(portfolio, f"follow {n}").instruments.add(rows.instrument("SBIN"))
    with django_assert_max_num_queries(4):
        assert len(client.get(HERE).json()["results"]) == 5


def test_signal_shows_what_was_wanted(client, follow):
    rows.traded(follow)
    signal = client.get("/api/signals/").json()["results"][0]
    assert (signal["symbol"], signal["target"], signal["price"]) == ("SBIN", 100, "500.0000")
    assert signal["time"] == "2023-04-03T03:46:00Z"


def test_signals_are_mine_only(stranger, follow):
    made = rows.traded(follow)
    assert stranger.get("/api/signals/").json()["results"] == []
    assert stranger.get(f"/api/signals/{made.signal.pk}/").status_code == 404


def test_queries_do_not_grow_with_signals(client, follow, django_assert_max_num_queries):
    for tick in range(5):
        rows.traded(follow, tick)
    with django_assert_max_num_queries(3):
        assert len(client.get(f"/api/signals/?strategy={follow.pk}").json()["results"]) == 5

"""Portfolios: opening, worth, positions, equity curve."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from alphapanda.connection import connection, key
from portfolio import services
from portfolio.models import EquityPoint, Portfolio
from tests import rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
HERE = "/api/portfolios/"
FIELDS = {
    *("id", "name", "mode", "currency", "starting_cash", "cash", "equity", "realised_pnl", "unrealised_pnl"),
    *("charges", "net_pnl", "gross_exposure", "net_exposure", "drawdown", "as_of"),
}


@pytest.fixture
def asha():
    return rows.user("asha")


@pytest.fixture
def client(asha):
    return rows.api(asha)


@pytest.fixture
def stranger():
    return rows.api(rows.user("ravi"))


@pytest.fixture
def held(asha):
    """100 SBIN for 50,000, last price 510."""
    portfolio = rows.portfolio(asha)
    Portfolio.objects.update(cash=950_000)
    rows.position(rows.strategy(portfolio))
    return portfolio


def opening(**more):
    return {"name": "mine", "market": "mock", "starting_cash": "100000", **more}


def test_portfolio_is_opened_with_its_cash(client):
    rows.market("mock")
    answer = client.post(HERE, opening(slippage_bps="2.5"))
    assert answer.status_code == 201
    assert set(answer.json()) == FIELDS
    assert (answer.json()["cash"], answer.json()["equity"]) == ("100000.000000", "100000.000000")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"market": "nowhere"}, "active: mock"),
        ({"starting_cash": "0"}, "starting_cash"),
        ({"starting_cash": "Infinity"}, "starting_cash"),
        ({"product": "LOTTERY"}, "product"),
        ({"slippage_bps": "-1"}, "slippage_bps"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"name": ""}, "name"),
    ],
)
def test_wrong_portfolio_is_refused_by_name(client, wrong, named):
    rows.market("mock")
    answer = client.post(HERE, opening(**wrong))
    assert answer.status_code == 400
    assert named in answer.json()["detail"]


def test_name_that_is_taken_is_refused(client):
    rows.market("mock")
    client.post(HERE, opening())
    assert client.post(HERE, opening()).status_code == 400


def test_worth_is_at_the_last_price(client, held):
    worth = client.get(f"{HERE}{held.pk}/").json()
    assert set(worth) == FIELDS
    assert (worth["equity"], worth["unrealised_pnl"]) == ("1001000.000000", "1000.000000")


def test_list_and_page_say_the_same(client, held):
    assert client.get(HERE).json()["results"] == [client.get(f"{HERE}{held.pk}/").json()]


def test_equity_is_cash_and_market_value(client, held):
    worth = client.get(HERE).json()["results"][0]
    assert Decimal(worth["equity"]) == Decimal(worth["cash"]) + Decimal(worth["net_exposure"])


def test_positions_are_per_strategy_and_instrument(client, held):
    (position,) = client.get(f"{HERE}{held.pk}/positions/").json()["results"]
    assert (position["symbol"], position["quantity"], position["cost"]) == ("SBIN", 100, "50000.000000")
    assert position["market_value"] == "51000.000000"


def test_positions_are_written_out_for_who_asks_and_the_summary_is_then_of_the_same_moment(client, held, monkeypatch):
    monkeypatch.setattr(services, "FRESH_SECONDS", 600)
    services.revalue(held.pk)  # as once a second
    assert "positions" not in json.loads(connection().get(key("valuation", held.pk)))
    Portfolio.objects.update(cash=940_000)
    assert client.get(f"{HERE}{held.pk}/").json()["cash"] == "950000.000000"  # that of a moment ago
    (position,) = client.get(f"{HERE}{held.pk}/positions/").json()["results"]
    rows.position(rows.strategy(held, "another"))
    summary = client.get(f"{HERE}{held.pk}/").json()
    assert (summary["cash"], summary["net_exposure"]) == ("940000.000000", position["market_value"])
    assert client.get(f"{HERE}{held.pk}/positions/").json()["results"] == [position]


def test_equity_curve_is_filtered_and_paged(client, held):
    for minute in range(4):
        EquityPoint.objects.create(
            portfolio=held, minute=rows.OPEN + timedelta(minutes=minute), tick=minute, equity=minute, cash=0
        )
    here = f"{HERE}{held.pk}/equity/"
    first = client.get(f"{here}?page_size=3").json()
    assert [row["tick"] for row in first["results"]] == [3, 2, 1]
    assert [row["tick"] for row in client.get(first["next"]).json()["results"]] == [0]
    late = client.get(f"{here}?after=2023-04-03T09:17:00").json()["results"]
    assert [(row["minute"], row["equity"]) for row in late] == [
        ("2023-04-03T03:48:00Z", "3.000000"),
        ("2023-04-03T03:47:00Z", "2.000000"),
    ]


def test_wrong_time_is_named(client, held):
    answer = client.get(f"{HERE}{held.pk}/equity/?after=noon")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["after"])


@pytest.mark.parametrize("path", ["", "positions/", "equity/"])
def test_somebody_elses_portfolio_is_not_there(stranger, held, path):
    assert stranger.get(f"{HERE}{held.pk}/{path}").status_code == 404
    assert stranger.get(HERE).json()["results"] == []


def test_staff_sees_all(held):
    staff = rows.api(rows.user("sita", is_staff=True))
    assert len(staff.get(HERE).json()["results"]) == 1


def test_queries_do_not_grow_with_portfolios(client, asha, django_assert_max_num_queries):
    for n in range(5):
        rows.position(rows.strategy(rows.portfolio(asha, f"p{n}")))
    with django_assert_max_num_queries(3):
        assert len(client.get(HERE).json()["results"]) == 5

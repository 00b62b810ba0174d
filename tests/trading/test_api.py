"""Instruments, orders with their life, fills: mine only, filtered, in few queries."""

from datetime import datetime

import pytest

from tests import rows

pytestmark = pytest.mark.django_db
IDS = ("orders", "fills")


@pytest.fixture
def asha():
    return rows.user("asha")


@pytest.fixture
def momentum(asha):
    return rows.strategy(rows.portfolio(asha))


@pytest.fixture
def client(asha):
    return rows.api(asha)


@pytest.fixture
def stranger():
    return rows.api(rows.user("ravi"))


def ticks(answer, name="tick"):
    assert answer.status_code == 200, answer.json()
    return [row[name] for row in answer.json()["results"]]


def test_fill_has_money_prices_and_times_as_text(client, momentum):
    rows.traded(momentum, tick=1)
    fill = client.get("/api/fills/").json()["results"][0]
    assert (fill["symbol"], fill["price"], fill["charges"]) == ("SBIN", "500.2500", "15.000000")
    assert fill["time"] == "2023-04-03T03:47:00Z"


def test_order_shows_its_state(client, momentum):
    made = rows.traded(momentum, tick=1).order
    order = client.get(f"/api/orders/{made.pk}/").json()
    assert (order["status"], order["filled"], order["value"]) == ("COMPLETE", 100, "0.000000")
    assert order["time"] == "2023-04-03T03:46:00Z"


def test_newest_come_first(client, momentum):
    for tick in (1, 3, 2):
        rows.traded(momentum, tick)
    assert ticks(client.get("/api/fills/")) == [4, 3, 2]
    assert ticks(client.get("/api/orders/"), "placed_tick") == [3, 2, 1]


@pytest.mark.parametrize("path", IDS)
def test_what_is_somebody_elses_is_not_there(stranger, momentum, path):
    made = rows.traded(momentum)
    pk = made.order.pk if path == "orders" else made.fill.pk
    assert stranger.get(f"/api/{path}/{pk}/").status_code == 404
    assert stranger.get(f"/api/{path}/").json()["results"] == []


def test_life_and_end_of_somebody_elses_order_are_not_there(stranger, momentum):
    order = rows.traded(momentum, status="OPEN").order
    assert stranger.get(f"/api/orders/{order.pk}/timeline/").status_code == 404
    assert stranger.post(f"/api/orders/{order.pk}/cancel/").status_code == 404


def test_staff_sees_all(momentum):
    rows.traded(momentum)
    assert len(ticks(rows.api(rows.user("sita", is_staff=True)).get("/api/fills/"))) == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("instrument=SBIN", [4, 2]),
        ("instrument=tcs", [3]),
        ("after=2023-04-03T09:18:00", [4, 3]),
        ("before=2023-04-03T03:48:00Z", [2]),
        ("after=2023-04-03T03:48:00Z&before=2023-04-03T03:49:00Z", [3]),
        ("after=2023-04-04", []),
    ],
)
def test_fills_are_filtered(client, momentum, query, expected):
    for tick, symbol in ((1, "SBIN"), (2, "TCS"), (3, "SBIN")):
        rows.traded(momentum, tick, symbol)
    assert ticks(client.get(f"/api/fills/?{query}")) == expected


@pytest.mark.parametrize("path", IDS)
def test_lists_are_filtered_by_portfolio_strategy_and_instrument_id(client, asha, momentum, path):
    other = rows.strategy(rows.portfolio(asha, "other"))
    rows.traded(momentum), rows.traded(other)
    sbin = rows.instrument().pk
    query = f"portfolio={other.portfolio_id}&strategy={other.pk}&instrument={sbin}"
    assert ticks(client.get(f"/api/{path}/?{query}"), "strategy") == [other.pk]


def test_orders_are_filtered_by_status_and_time(client, momentum):
    rows.traded(momentum, 1), rows.traded(momentum, 2, status="OPEN")
    assert ticks(client.get("/api/orders/?status=OPEN"), "placed_tick") == [2]
    assert ticks(client.get("/api/orders/?before=2023-04-03T09:17:00"), "placed_tick") == [1]


@pytest.mark.parametrize(
    "query",
    [
        *("portfolio=x", "portfolio=999999", "strategy=-1", "instrument=NOPE", "instrument=99999999999999999999"),
        *("after=yesterday", "before=1", "instrument=%00", "portfolio=99999999999999999999999"),
    ],
)
def test_wrong_filter_is_a_400_that_names_it(client, momentum, query):
    answer = client.get(f"/api/fills/?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [query.split("=")[0]])


def test_somebody_elses_portfolio_cannot_be_asked_for(stranger, momentum):
    answer = stranger.get(f"/api/fills/?portfolio={momentum.portfolio_id}")
    assert answer.json()["errors"] == {"portfolio": ["there is no such portfolio"]}


@pytest.mark.parametrize("path", IDS)
def test_pages_neither_lose_nor_repeat_a_row(client, asha, momentum, path):
    other = rows.strategy(rows.portfolio(asha, "other"))
    made = [
        rows.traded(by, tick)
        for by in (momentum, other)
        for tick in (1, 1, 1, 2, 3)
        if not by.signals.filter(tick=tick, n=0).exists()
    ]
    seen, link = [], f"/api/{path}/?page_size=2"
    while link:
        page = client.get(link).json()
        seen += [row["id"] for row in page["results"]]
        link = page["next"]
    assert len(seen) == len(set(seen)) == len(made)


@pytest.mark.parametrize("path", IDS)
def test_queries_do_not_grow_with_rows(client, momentum, path, django_assert_max_num_queries):
    for tick in range(10):
        rows.traded(momentum, tick)
    with django_assert_max_num_queries(2) as seen:
        first = client.get(f"/api/{path}/?page_size=4").json()
    with django_assert_max_num_queries(4):
        assert len(client.get(first["next"]).json()["results"]) == 4
    assert not any("COUNT(" in query["sql"].upper() for query in seen.captured_queries)


def test_timeline_tells_the_whole_life(client, momentum, django_assert_max_num_queries):
    order = rows.traded(momentum).order
    with django_assert_max_num_queries(3):
        moments = client.get(f"/api/orders/{order.pk}/timeline/").json()["results"]
    assert [m["what"] for m in moments] == ["signal", "decision", "order", "fill", "closed"]
    assert moments[3]["detail"] == {"n": 0, "quantity": 100, "price": "500.2500", "charges": "15.000000"}
    assert [m["tick"] for m in moments] == sorted(m["tick"] for m in moments)


def test_cancelled_order_is_closed(client, momentum):
    order = rows.traded(momentum, status="OPEN").order
    answer = client.post(f"/api/orders/{order.pk}/cancel/")
    assert answer.json()["status"] == "CANCELLED"


def test_closed_order_cannot_be_cancelled(client, momentum):
    order = rows.traded(momentum).order
    answer = client.post(f"/api/orders/{order.pk}/cancel/")
    assert answer.status_code == 400
    assert "closed already" in answer.json()["detail"]


def test_times_are_utc(client, momentum):
    rows.traded(momentum)
    created = client.get("/api/fills/").json()["results"][0]["created_at"]
    assert datetime.fromisoformat(created).utcoffset().total_seconds() == 0
    assert created.endswith("Z")


def test_instruments_are_found_by_symbol(client):
    rows.instrument("SBIN"), rows.instrument("TCS")
    found = client.get("/api/instruments/?symbol=TCS").json()["results"]
    assert [(row["symbol"], row["tick_size"]) for row in found] == [("TCS", "0.0500")]

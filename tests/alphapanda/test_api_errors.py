"""Every error has one shape and the right status; lists have one shape and one way to page."""

import pytest
from django.db import OperationalError
from django.test import RequestFactory

from alphapanda.errors import InputError
from alphapanda.problems import problem, server_error
from tests import rows

pytestmark = pytest.mark.django_db
SHAPE = {"type", "title", "detail", "errors"}
LISTS = (
    *("instruments", "strategy-types", "strategies", "signals", "decisions", "orders", "fills"),
    *("portfolios", "risk/limits", "risk/halts"),
)


@pytest.fixture
def asha():
    return rows.user("asha")


@pytest.fixture
def client(asha):
    return rows.api(asha)


@pytest.mark.parametrize("path", [*LISTS, "users", "auth/me", "events"])
def test_every_path_needs_a_login(path):
    answer = rows.api().get(f"/api/{path}/")
    assert answer.status_code == 401
    assert set(answer.json()) == SHAPE


@pytest.mark.parametrize("path", LISTS)
def test_every_list_has_one_shape(client, path):
    assert set(client.get(f"/api/{path}/").json()) == {"next", "previous", "results"}


def test_forged_token_is_a_401():
    answer = rows.api().get("/api/fills/", HTTP_AUTHORIZATION="Bearer a.b.c")
    assert (answer.status_code, answer.json()["type"]) == (401, "token_not_valid")
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize("path", ["/api/nothing/", "/api/orders/1/", "/api/portfolios/99999999999999999999/", "/api/"])
def test_what_is_not_there_is_a_404(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == SHAPE


def test_wrong_method_is_a_405(client):
    assert client.delete("/api/fills/").status_code == 405


def test_form_instead_of_json_is_a_415(client):
    answer = client.post("/api/portfolios/", "a=b", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 415


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '"\\ud800"', "NaN", "[1]", "null", "1" * 5000])
def test_malformed_json_is_a_400(client, text):
    answer = client.post("/api/portfolios/", text, content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json()) == SHAPE


def test_wrong_fields_are_named(client):
    answer = client.post("/api/portfolios/", {"starting_cash": "NaN", "typo": 1}).json()
    assert {"name", "market", "starting_cash"} <= set(answer["errors"])


def test_unknown_field_is_named(client):
    rows.market("mock")
    given = {"name": "a", "market": "mock", "starting_cash": "1000", "typo": 1}
    assert client.post("/api/portfolios/", given).json()["errors"] == {"typo": ["cannot be set here"]}


def test_input_error_is_a_400_with_its_message():
    answer = problem(InputError("quantity: must be above 0"), {})
    assert (answer.status_code, answer.data["detail"]) == (400, "quantity: must be above 0")


def test_database_that_is_away_is_a_503_without_internals():
    answer = problem(OperationalError("password=secret host=db"), {})
    assert answer.status_code == 503
    assert "secret" not in str(answer.data)


def test_what_nobody_expected_is_a_500_without_internals():
    answer = problem(RuntimeError("password=secret"), {})
    assert answer.status_code == 500
    assert set(answer.data) == SHAPE
    assert "secret" not in str(answer.data)


def test_djangos_own_500_has_the_shape_below_api_only():
    factory = RequestFactory()
    assert b'"type"' in server_error(factory.get("/api/fills/")).content
    assert b'"type"' not in server_error(factory.get("/admin/")).content


@pytest.mark.parametrize("query", ["page_size=0", "page_size=x", "page_size=-1", "page_size=%00"])
def test_wrong_page_size_is_named(client, query):
    answer = client.get(f"/api/instruments/?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["page_size"])


@pytest.mark.parametrize("cursor", ["x", "%00", "eyJ2YWx1ZXMiOlsieCJdfQ", "eyJ2YWx1ZXMiOltdfQ", "e30", "é"])
def test_wrong_cursor_is_named(client, cursor):
    answer = client.get(f"/api/instruments/?cursor={cursor}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["cursor"])


def symbols(answer):
    return [row["symbol"] for row in answer["results"]]


def test_pages_lead_on_and_back(client):
    for symbol in "ABCDE":
        rows.instrument(symbol)
    first = client.get("/api/instruments/?page_size=2").json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    assert [symbols(page) for page in (first, second, third)] == [["A", "B"], ["C", "D"], ["E"]]
    assert (first["previous"], third["next"]) == (None, None)
    back = client.get(third["previous"]).json()
    assert symbols(back) == ["C", "D"]
    assert symbols(client.get(back["next"]).json()) == ["E"]
    assert client.get(back["previous"]).json()["previous"] is None


def test_page_size_is_capped(client):
    assert client.get("/api/instruments/?page_size=100000000").status_code == 200

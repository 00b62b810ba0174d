"""Portfolios are opened in the admin; their money is moved by orders only."""

import pytest

from portfolio.models import EquityPoint, Portfolio
from tests import pages, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    return pages.admin()


def test_portfolio_is_opened_with_limits(client):
    given = {
        "user": rows.user().pk,
        "name": "new",
        "market": rows.market().pk,
        "starting_cash": "1000",
        "product": "MIS",
        "slippage_bps": "5",
        "latency_ms": "0",
    }
    assert client.post("/admin/portfolio/portfolio/add/", given).status_code == 302
    made = Portfolio.objects.get()
    assert (made.cash, made.limits.max_position) == (1000, 1000)


def test_portfolio_without_cash_is_refused(client):
    given = {"user": rows.user().pk, "name": "new", "market": rows.market().pk, "starting_cash": "0"}
    answer = client.post("/admin/portfolio/portfolio/add/", given)
    assert answer.status_code == 200
    assert not Portfolio.objects.exists()


def test_money_is_only_looked_at(client):
    by = rows.strategy(rows.portfolio(rows.user()))
    point = EquityPoint.objects.create(portfolio=by.portfolio, minute=rows.OPEN, tick=1, equity=1, cash=1)
    assert pages.is_view_only(client, "portfolio/position", rows.position(by).pk)
    assert pages.is_view_only(client, "portfolio/equitypoint", point.pk)
    changed = client.post(f"/admin/portfolio/portfolio/{by.portfolio_id}/change/", {"cash": 1})
    assert changed.status_code == 403

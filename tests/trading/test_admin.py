"""Instruments and charge rates are edited; orders and fills are history."""

import pytest

from tests import pages, rows
from trading.models import Instrument

pytestmark = pytest.mark.django_db


def test_orders_fills_and_markets_are_only_looked_at():
    client, made = pages.admin(), rows.traded(rows.strategy(rows.portfolio(rows.user())))
    assert pages.is_view_only(client, "trading/order", made.order.pk)
    assert pages.is_view_only(client, "trading/fill", made.fill.pk)
    assert pages.is_view_only(client, "trading/market", made.order.portfolio.market_id)


def test_fill_shows_what_it_cost():
    client, made = pages.admin(), rows.traded(rows.strategy(rows.portfolio(rows.user())))
    assert "500.25" in client.get("/admin/trading/fill/").content.decode()
    assert "15.000000" in client.get(f"/admin/trading/fill/{made.fill.pk}/change/").content.decode()


def test_instrument_is_edited():
    client, sbin = pages.admin(), rows.instrument("SBIN")
    given = {"symbol": "SBIN", "exchange": "NSE", "tick_size": "0.10", "lot_size": 1, "multiplier": 1}
    client.post(f"/admin/trading/instrument/{sbin.pk}/change/", given)
    assert str(Instrument.objects.get().tick_size) == "0.1000"

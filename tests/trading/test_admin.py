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


def edit(symbol: str, **changes: object) -> str:
    """Through its page; what the next page says."""
    made = rows.instrument(symbol)
    given = {"symbol": symbol, "exchange": "NSE", "tick_size": "0.05", "lot_size": 1, "multiplier": 1, **changes}
    address = f"/admin/trading/instrument/{made.pk}/change/"
    return pages.admin().post(address, given, follow=True).content.decode()


def test_instrument_is_edited_and_what_runs_must_be_restarted():
    """Workers load an instrument once; nobody was told."""
    assert "running workers know the new tick_size only after a restart" in edit("SBIN", tick_size="0.10")
    assert str(Instrument.objects.get().tick_size) == "0.1000"


def test_what_is_read_at_each_decision_needs_no_restart():
    assert "restart" not in edit("SBIN", freeze_quantity=5_000)
    assert Instrument.objects.get().freeze_quantity == 5_000

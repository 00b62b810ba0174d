"""Admin pages of trading."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest

from alphapanda.admin import Kept, Shown
from trading import models

LOADED_ONCE = frozenset({"symbol", "exchange", "token", "tick_size", "lot_size", "multiplier"})  # by each process


@admin.register(models.Instrument)
class InstrumentPage(Kept):
    list_display = ["symbol", "exchange", "name", "token", "tick_size", "lot_size", "freeze_quantity"]
    list_filter = ["exchange"]
    search_fields = ["symbol", "name"]

    def save_model(self, request: HttpRequest, obj: models.Instrument, form: ModelForm[Any], change: bool) -> None:
        """A change has no tick at which it takes effect, so what runs goes on with what it has loaded."""
        super().save_model(request, obj, form, change)
        if change and (new := sorted(LOADED_ONCE.intersection(form.changed_data))):
            text = f"{obj}: running workers know the new {', '.join(new)} only after a restart (make run again)."
            self.message_user(request, text, messages.WARNING)


@admin.register(models.ChargeRate)
class ChargeRatePage(Kept):
    list_display = [
        "product",
        "exchange",
        "valid_from",
        "brokerage",
        "stt_buy",
        "stt_sell",
        "transaction",
        "gst",
    ]
    list_filter = ["product", "exchange"]


@admin.register(models.TradingHours)
class TradingHoursPage(Kept):
    list_display = ["valid_from", "exchange", "opens", "closes"]


@admin.register(models.SpecialDay)
class SpecialDayPage(Kept):
    list_display = ["day", "exchange", "name", "opens", "closes"]
    list_filter = ["exchange"]
    search_fields = ["name"]


@admin.register(models.Market)
class MarketPage(Shown):
    list_display = [
        "name",
        "kind",
        "is_active",
        "created_at",
        "reserved_to",
        "last_tick",
        "conflated",
        "fault",
    ]
    list_filter = ["kind", "is_active"]
    search_fields = ["name"]


@admin.register(models.Gap)
class GapPage(Shown):
    list_display = ["market", "first", "last", "reader", "reason", "created_at"]
    list_select_related = ["market"]
    ordering = ["-id"]


@admin.register(models.LastPrice)
class LastPricePage(Shown):
    list_display = ["market", "instrument", "price", "exchange_time", "tick"]
    list_select_related = ["market", "instrument"]
    list_filter = ["instrument"]
    ordering = ["market_id", "instrument_id"]


@admin.register(models.Order)
class OrderPage(Shown):
    list_display = [
        *("placed_time", "portfolio", "strategy", "instrument", "side", "quantity", "filled", "order_type"),
        *("limit_price", "trigger_price", "status", "placed_tick"),
    ]
    list_select_related = ["portfolio", "strategy", "instrument"]
    list_filter = ["status", "side", "order_type", "portfolio", "strategy", "instrument"]
    ordering = ["portfolio_id", "-placed_tick", "-id"]


@admin.register(models.Fill)
class FillPage(Shown):
    list_display = [
        *(
            "exchange_time",
            "portfolio",
            "strategy",
            "instrument",
            "side",
            "quantity",
            "price",
            "charges",
            "tick",
        ),
    ]
    list_select_related = ["portfolio", "strategy", "instrument"]
    list_filter = ["side", "portfolio", "strategy", "instrument"]
    ordering = ["portfolio_id", "-tick", "-id"]

"""Admin pages of portfolios: opened here, then moved by orders only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from alphapanda.admin import Kept, Shown
from portfolio import models, services


@admin.register(models.Portfolio)
class PortfolioPage(Kept):
    list_display = ["name", "user", "market", "mode", "product", "starting_cash", "cash", "clock", "created_at"]
    list_select_related = ["user", "market"]
    list_filter = ["mode", "user"]
    search_fields = ["name"]

    def get_fields(self, request: HttpRequest, obj: models.Portfolio | None = None) -> list[Any]:
        terms = ["user", "name", "market", "starting_cash", "product", "slippage_bps", "latency_ms"]
        return [*terms, "mode", "currency", "cash", "peak_equity", "clock", "created_at"] if obj else terms

    def has_change_permission(self, request: HttpRequest, obj: models.Portfolio | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: models.Portfolio, form: Any, change: bool) -> None:
        obj.pk = services.open_portfolio(**form.cleaned_data).pk


@admin.register(models.Position)
class PositionPage(Shown):
    list_display = ["portfolio", "strategy", "instrument", "quantity", "cost", "realised", "charges", "mark"]
    list_select_related = ["portfolio", "strategy", "instrument"]
    list_filter = ["portfolio", "strategy", "instrument"]
    ordering = ["portfolio_id", "strategy_id", "instrument_id"]


@admin.register(models.EquityPoint)
class EquityPage(Shown):
    list_display = ["portfolio", "minute", "equity", "cash", "tick"]
    list_select_related = ["portfolio"]
    list_filter = ["portfolio"]
    ordering = ["portfolio_id", "-minute"]

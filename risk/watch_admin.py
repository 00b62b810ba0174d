"""Admin pages of exit rules and triggers, and of their changes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from alphapanda.admin import Kept, Shown, person
from risk import models
from risk.exit_services import EXIT_FIELDS, change_exits
from risk.exits import PORTFOLIO_RULES, POSITION_RULES
from risk.trigger_services import THRESHOLDS, TRIGGER_FIELDS, change_triggers


@admin.register(models.ExitRules)
class ExitRulesPage(Kept):
    """An empty rule is off; of several rows that cover a position the tightest rule holds."""

    fields = ["portfolio", "strategy", "instrument", "version", *EXIT_FIELDS]
    list_display = ["portfolio", "strategy", "instrument", "version", *PORTFOLIO_RULES, *POSITION_RULES]
    list_select_related = ["portfolio", "strategy", "instrument"]
    list_filter = ["portfolio"]
    ordering = ["portfolio_id", "id"]

    def get_readonly_fields(self, request: HttpRequest, obj: models.ExitRules | None = None) -> list[str]:
        return ["version", "portfolio", "strategy", "instrument"] if obj else ["version"]

    def save_model(self, request: HttpRequest, obj: models.ExitRules, form: Any, change: bool) -> None:
        changed = {name: form.cleaned_data[name] for name in form.changed_data if name in EXIT_FIELDS}
        if changed or not change:
            made = change_exits(obj.portfolio, changed, person(request), obj.strategy, obj.instrument)
            obj.pk = made.pk


@admin.register(models.Triggers)
class TriggersPage(Kept):
    """An empty trigger is off. What it halts stays halted until a person lifts it."""

    fields = ["portfolio", "version", *TRIGGER_FIELDS]
    list_display = ["portfolio", "version", *THRESHOLDS, "state", "flattens"]
    list_select_related = ["portfolio"]
    ordering = ["portfolio_id"]

    def get_readonly_fields(self, request: HttpRequest, obj: models.Triggers | None = None) -> list[str]:
        return ["version", "portfolio"] if obj else ["version"]

    def save_model(self, request: HttpRequest, obj: models.Triggers, form: Any, change: bool) -> None:
        changed = {name: form.cleaned_data[name] for name in form.changed_data if name in TRIGGER_FIELDS}
        if changed or not change:
            obj.pk = change_triggers(obj.portfolio, changed, person(request)).pk


@admin.register(models.ExitRulesChange, models.TriggersChange)
class ChangesPage(Shown):
    list_display = ["changed_at", "of", "version", "before", "after", "changed_by"]
    list_select_related = ["of__portfolio", "changed_by"]
    ordering = ["-id"]


@admin.register(models.WatchMemory)
class WatchMemoryPage(Shown):
    list_display = ["portfolio", "state"]
    list_select_related = ["portfolio"]
    ordering = ["portfolio_id"]

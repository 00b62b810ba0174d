"""Admin pages of risk: halts, decisions; limits have a file of their own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from alphapanda.admin import Kept, Shown, person
from alphapanda.errors import InputError
from risk import flattening, limits_admin, models, services, watch_admin
from risk.explanation import explained
from risk.halt import HaltState

__all__ = ["limits_admin", "watch_admin"]  # its pages register themselves


@admin.register(models.Decision)
class DecisionPage(Shown):
    list_display = [
        *("exchange_time", "portfolio", "strategy", "instrument", "approved", "quantity", "denied_by"),
        *("limits_version", "tick"),
    ]
    list_select_related = ["portfolio", "strategy", "instrument"]
    list_filter = ["approved", "portfolio", "strategy", "instrument"]
    ordering = ["portfolio_id", "-tick", "-id"]
    readonly_fields = ["why"]

    def why(self, decision: models.Decision) -> SafeString:
        """Every verdict in words, what denied first."""
        return format_html_join(
            "", "<p>{}: {}</p>", ((row["rule"], row["sentence"]) for row in explained(decision.verdicts))
        )


class ReasonForm(ActionForm):
    reason = forms.CharField(required=False, max_length=1_000)


@admin.register(models.Halt)
class HaltPage(Kept):
    """A halt without a portfolio halts everything; it is lifted by the action, with a reason."""

    fields = ["portfolio", "strategy", "state", "flatten", "reason"]
    list_display = [
        "created_at",
        "portfolio",
        "strategy",
        "state",
        "reason",
        "rule",
        "progress",
        "created_by",
        "lifted_at",
        "lifted_by",
        "lift_reason",
    ]
    list_select_related = ["portfolio", "strategy__portfolio", "created_by", "lifted_by"]
    list_filter = [("lifted_at", admin.EmptyFieldListFilter)]
    ordering = ["-id"]
    actions = ["lift"]
    action_form = ReasonForm

    def has_change_permission(self, request: HttpRequest, obj: models.Halt | None = None) -> bool:
        return obj is None and super().has_change_permission(request)

    def save_model(self, request: HttpRequest, obj: models.Halt, form: Any, change: bool) -> None:
        made = services.halt(
            person(request), obj.portfolio, obj.reason, HaltState(obj.state), obj.strategy, flatten=obj.flatten
        )
        obj.pk = made.pk

    def progress(self, halt: models.Halt) -> str:
        """Of flattening, with what is left."""
        held = ", ".join(f"{row['quantity']} {row['symbol']}" for row in flattening.left(halt))
        return f"{flattening.progress(halt) or ''}{': ' if held else ''}{held}"

    @admin.action(description="Lift (give a reason)", permissions=["change"])
    def lift(self, request: HttpRequest, chosen: QuerySet[models.Halt]) -> None:
        for halt in chosen:
            try:
                services.lift(halt, person(request), request.POST.get("reason", ""))
                self.message_user(request, f"lifted: {halt}", messages.SUCCESS)
            except InputError as error:
                self.message_user(request, str(error), messages.ERROR)

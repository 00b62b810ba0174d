"""Admin pages of risk: limits, halts, decisions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.auth.models import User
from django.db.models import DecimalField, QuerySet
from django.http import HttpRequest

from alphapanda.admin import Kept, Shown
from alphapanda.errors import InputError
from risk import limit_services, models, services
from risk.halt import HaltState
from risk.limits import LIMIT_NAMES


@admin.register(models.Decision)
class DecisionPage(Shown):
    list_display = [
        *("exchange_time", "portfolio", "strategy", "instrument", "approved", "quantity", "denied_by"),
        *("limits_version", "tick"),
    ]
    list_select_related = ["portfolio", "strategy", "instrument"]
    list_filter = ["approved", "portfolio", "strategy", "instrument"]
    ordering = ["portfolio_id", "-tick", "-id"]


@admin.register(models.Limits)
class LimitsPage(Kept):
    """An empty limit is off. The row without a portfolio is what new portfolios start with."""

    fields = ["portfolio", "version", *LIMIT_NAMES]
    readonly_fields = ["portfolio", "version"]
    list_display = ["portfolio", "version", *LIMIT_NAMES[:4]]
    list_select_related = ["portfolio"]
    ordering = ["portfolio_id"]
    formfield_overrides = {DecimalField: {"min_value": 0}}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: models.Limits, form: Any, change: bool) -> None:
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        if changed and obj.portfolio:
            limit_services.change_limits(obj.portfolio, changed, _user(request))
        elif changed:
            limit_services.change_defaults(changed, _user(request))


@admin.register(models.LimitsChange)
class LimitsChangePage(Shown):
    list_display = ["changed_at", "limits", "version", "before", "after", "changed_by"]
    list_select_related = ["limits__portfolio", "changed_by"]
    ordering = ["-id"]


class ReasonForm(ActionForm):
    reason = forms.CharField(required=False, max_length=1_000)


@admin.register(models.Halt)
class HaltPage(Kept):
    """A halt without a portfolio halts everything; it is lifted by the action, with a reason."""

    fields = ["portfolio", "strategy", "state", "reason"]
    list_display = [
        "created_at",
        "portfolio",
        "strategy",
        "state",
        "reason",
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
        made = services.halt(_user(request), obj.portfolio, obj.reason, HaltState(obj.state), obj.strategy)
        obj.pk = made.pk

    @admin.action(description="Lift (give a reason)", permissions=["change"])
    def lift(self, request: HttpRequest, chosen: QuerySet[models.Halt]) -> None:
        for halt in chosen:
            try:
                services.lift(halt, _user(request), request.POST.get("reason", ""))
                self.message_user(request, f"lifted: {halt}", messages.SUCCESS)
            except InputError as error:
                self.message_user(request, str(error), messages.ERROR)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user

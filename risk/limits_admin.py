"""Admin pages of limits and of their changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import DecimalField, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from alphapanda.admin import Kept, Shown, person
from alphapanda.errors import InputError
from risk import approvals, limit_services, models, what_if_admin
from risk.account import limits_usage
from risk.limit_services import Whose
from risk.limits import LIMIT_NAMES, NO_LIMITS

Decide = Callable[[models.LimitsChange, User], models.LimitsChange]
SCOPE = ("user", "portfolio", "strategy", "instrument")


class LimitsForm(ModelForm):  # type: ignore[type-arg]  # not generic at run time
    def clean(self) -> dict[str, Any] | None:
        """What does not go together is told before anything is saved."""
        cleaned = super().clean()
        try:
            Whose(**{name: self.cleaned_data.get(name) for name in SCOPE if name in self.fields}).check()
        except InputError as error:
            raise ValidationError(str(error)) from None
        return cleaned


@admin.register(models.Limits)
class LimitsPage(Kept):
    """An empty limit is off. The row that names nothing is what new portfolios start with."""

    form = LimitsForm
    list_display = [*SCOPE, "version", *LIMIT_NAMES[:4]]
    list_select_related = list(SCOPE)
    list_filter = ["portfolio", "user", "instrument"]
    ordering = ["portfolio_id", "strategy_id", "id"]
    actions = ["what_if"]
    formfield_overrides = {DecimalField: {"min_value": 0}}

    def get_readonly_fields(self, request: HttpRequest, obj: models.Limits | None = None) -> list[str]:
        return [*SCOPE, "version", "usage"] if obj else ["version"]

    def get_fields(self, request: HttpRequest, obj: models.Limits | None = None) -> list[Any]:
        return [*SCOPE, "version", "needs_approval", *LIMIT_NAMES, *(["usage"] if obj and obj.portfolio else [])]

    def get_urls(self) -> list[URLPattern]:
        asking = path("what-if/", self.admin_site.admin_view(what_if_admin.page), name="risk_what_if")
        return [asking, *super().get_urls()]

    @admin.action(description="What would other limits have decided on a past day?", permissions=["view"])
    def what_if(self, request: HttpRequest, chosen: QuerySet[models.Limits]) -> HttpResponse:
        portfolio = chosen.exclude(portfolio=None).values_list("portfolio", flat=True).first() or ""
        return HttpResponseRedirect(f"{reverse('admin:risk_what_if')}?portfolio={portfolio}")

    def usage(self, limits: models.Limits) -> SafeString:
        """How near the limits of its portfolio are, the nearest first."""
        assert limits.portfolio
        rows = limits_usage(limits.portfolio)["usage"]
        shown = ((r["limit"], r["scope"], r["symbol"] or "", r["used"], r["bound"]) for r in rows)
        return format_html_join("", "<p>{} ({}) {}: {} of {}</p>", shown)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new row limits nothing but what is filled in."""
        given: dict[str, Any] = {**super().get_changeform_initial_data(request)}
        return {name: getattr(NO_LIMITS, name) for name in LIMIT_NAMES} | given

    def save_model(self, request: HttpRequest, obj: models.Limits, form: Any, change: bool) -> None:
        every = ("needs_approval", *LIMIT_NAMES)
        names = [name for name in (form.changed_data if change else every) if name in every]
        if names:
            values = {name: form.cleaned_data[name] for name in names}
            obj.pk = limit_services.change(Whose.of(obj), values, person(request)).pk
        if obj.changes.filter(state=models.LimitsChange.State.PROPOSED).exists():
            self.message_user(request, "what loosens waits until another member of staff approves it", messages.WARNING)


@admin.register(models.LimitsChange)
class LimitsChangePage(Shown):
    list_display = [
        *("changed_at", "limits", "state", "version", "before", "after", "changed_by", "decided_by", "decided_at"),
    ]
    list_select_related = [f"limits__{name}" for name in SCOPE] + ["changed_by", "decided_by"]
    list_filter = ["state"]
    ordering = ["-id"]
    actions = ["approve", "reject"]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("risk.change_limits"))

    @admin.action(description="Approve what others proposed", permissions=["decide"])
    def approve(self, request: HttpRequest, chosen: QuerySet[models.LimitsChange]) -> None:
        self._decide(request, chosen, approvals.approve)

    @admin.action(description="Reject", permissions=["decide"])
    def reject(self, request: HttpRequest, chosen: QuerySet[models.LimitsChange]) -> None:
        self._decide(request, chosen, approvals.reject)

    def _decide(self, request: HttpRequest, chosen: QuerySet[models.LimitsChange], decide: Decide) -> None:
        for change in chosen:
            try:
                self.message_user(request, f"{decide(change, person(request)).state}: {change}", messages.SUCCESS)
            except InputError as error:
                self.message_user(request, f"{change}: {error}", messages.ERROR)


@admin.register(models.TradesOfDay)
class TradesOfDayPage(Shown):
    list_display = ["strategy", "trade_date", "trades", "more_orders"]
    list_select_related = ["strategy__portfolio"]
    ordering = ["-trade_date", "strategy_id"]

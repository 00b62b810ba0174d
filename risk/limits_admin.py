"""Admin pages of limits and of their changes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import DecimalField, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from alphapanda.admin import Kept, Shown, person
from alphapanda.errors import InputError
from risk import limit_services, models, what_if_admin
from risk.account import limits_usage
from risk.limit_services import Whose
from risk.limits import LIMIT_NAMES, NO_LIMITS

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
        return [*SCOPE, "version", *LIMIT_NAMES, *(["usage"] if obj and obj.portfolio else [])]

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
        names = [name for name in (form.changed_data if change else LIMIT_NAMES) if name in LIMIT_NAMES]
        if names:
            values = {name: form.cleaned_data[name] for name in names}
            obj.pk = limit_services.change(Whose.of(obj), values, person(request)).pk


@admin.register(models.LimitsChange)
class LimitsChangePage(Shown):
    list_display = ["changed_at", "limits", "version", "before", "after", "changed_by"]
    list_select_related = ["limits__portfolio", "limits__user", "limits__strategy", "limits__instrument", "changed_by"]
    ordering = ["-id"]

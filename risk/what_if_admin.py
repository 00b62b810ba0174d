"""Admin page: what other limits would have decided on a past day."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from alphapanda.errors import InputError
from portfolio.models import Portfolio
from risk.changed_limits import assignments, changed_scopes, checked_values
from risk.what_if import what_if

MOST_SIGNALS = 10_000  # of a request; the command looks at more


class Question(forms.Form):
    portfolio = forms.ModelChoiceField(Portfolio.objects.order_by("name"))
    day = forms.DateField(help_text="in India")
    changes = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}), required=False, help_text="name=value, a line each; off: no limit"
    )


def page(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("risk.view_limits"):
        raise PermissionDenied
    form = Question(request.POST or None, initial=request.GET.dict())
    context: dict[str, Any] = {**admin.site.each_context(request), "title": "What if", "form": form}
    if form.is_valid():
        try:
            context["answer"] = _answer(form.cleaned_data)
        except InputError as error:
            form.add_error(None, str(error))
    return TemplateResponse(request, "risk/what_if.html", context)


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    lines = [line for line in asked["changes"].splitlines() if line.strip()]
    scopes = changed_scopes(asked["portfolio"], None, checked_values(assignments(lines)))
    return what_if(asked["portfolio"], asked["day"], scopes, MOST_SIGNALS)

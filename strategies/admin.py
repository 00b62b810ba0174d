"""Admin pages of strategies: configured through the services, so that each change is a new version."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from alphapanda.admin import Kept, Shown
from alphapanda.errors import InputError
from strategies import base, models, services
from strategies.api import newest
from strategies.configuration import known_types

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[models.Strategy]
else:
    _ModelForm = forms.ModelForm


class StrategyForm(_ModelForm):
    """`type` and `parameters` are those of the newest version; saving others makes a new one."""

    type = forms.ChoiceField()
    parameters = forms.JSONField(required=False, widget=forms.Textarea(attrs={"rows": 6, "cols": 80}))

    class Meta:
        model = models.Strategy
        fields = ["portfolio", "name", "instruments"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        types = known_types().types
        self.fields["type"].choices = [(name, name) for name in sorted(types)]  # type: ignore[attr-defined]
        self.fields["parameters"].help_text = "JSON; one that is left out gets its default. " + " ".join(
            _explained(types[name]) for name in sorted(types)
        )
        if self.instance.pk:
            current = services.current_version(self.instance)
            self.initial.update(type=current.type, parameters=current.parameters)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors:
            return values
        values["parameters"] = values["parameters"] or {}
        try:
            services.checked(values["type"], values["parameters"])
        except InputError as error:
            self.add_error("parameters", str(error))
        return values


def _explained(strategy: type[base.Strategy]) -> str:
    fields = strategy.Parameters.model_fields.items()
    known = (f"{name} ({'required' if f.is_required() else f.get_default()})" for name, f in fields)
    return f"{strategy.name}: {', '.join(known)}."


@admin.register(models.Strategy)
class StrategyPage(Kept):
    form = StrategyForm
    fields = ["portfolio", "name", "type", "parameters", "instruments"]
    list_display = ["name", "portfolio", "ordinal", "type", "version", "status", "status_reason", "created_at"]
    list_select_related = ["portfolio"]
    list_filter = ["status", "portfolio"]
    search_fields = ["name"]
    filter_horizontal = ["instruments"]
    actions = ["start", "stop"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.Strategy]:
        return super().get_queryset(request).prefetch_related(newest)

    def get_readonly_fields(self, request: HttpRequest, obj: models.Strategy | None = None) -> list[str]:
        return ["portfolio", "name"] if obj else []

    @admin.display
    def type(self, strategy: Any) -> str:
        return str(strategy.newest[0].type)

    @admin.display
    def version(self, strategy: Any) -> int:
        return int(strategy.newest[0].number)

    def save_model(self, request: HttpRequest, obj: models.Strategy, form: Any, change: bool) -> None:
        values = form.cleaned_data
        if change:
            services.configure(obj, values["type"], values["parameters"])
            return
        made = services.create_strategy(
            values["portfolio"], values["name"], values["type"], values["parameters"], values["instruments"]
        )
        obj.pk = made.pk

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A new strategy has its instruments already."""
        if change and "instruments" in form.changed_data:
            form.save_m2m()
            services.renew(form.instance)

    @admin.action(description="Start", permissions=["change"])
    def start(self, request: HttpRequest, chosen: QuerySet[models.Strategy]) -> None:
        self._control(request, chosen, services.start)

    @admin.action(description="Stop: cancel resting orders, keep positions", permissions=["change"])
    def stop(self, request: HttpRequest, chosen: QuerySet[models.Strategy]) -> None:
        self._control(request, chosen, services.stop)

    def _control(
        self,
        request: HttpRequest,
        chosen: QuerySet[models.Strategy],
        control: Callable[[models.Strategy], None],
    ) -> None:
        for strategy in chosen:
            try:
                control(strategy)
                self.message_user(request, f"{strategy}: takes effect at the next tick", messages.SUCCESS)
            except InputError as error:
                self.message_user(request, f"{strategy}: {error}", messages.ERROR)


@admin.register(models.StrategyVersion)
class VersionPage(Shown):
    list_display = ["strategy", "number", "type", "parameters", "created_at"]
    list_select_related = ["strategy"]
    list_filter = ["type"]
    ordering = ["strategy_id", "-number"]


@admin.register(models.Control)
class ControlPage(Shown):
    list_display = ["id", "strategy", "kind", "version", "market", "from_tick", "reason", "created_at"]
    list_select_related = ["strategy", "version__strategy", "market"]
    list_filter = ["kind"]
    ordering = ["-id"]


@admin.register(models.Shard)
class ShardPage(Shown):
    list_display = ["market", "number", "epoch", "seen", "saved"]
    list_select_related = ["market"]
    ordering = ["market_id", "number"]


@admin.register(models.StrategyState)
class StatePage(Shown):
    list_display = ["strategy", "version", "place"]
    list_select_related = ["strategy", "version__strategy"]
    ordering = ["strategy_id"]


@admin.register(models.Signal)
class SignalPage(Shown):
    list_display = [
        *("exchange_time", "portfolio", "strategy", "instrument", "side", "quantity", "target", "price"),
        *("reason", "is_decided", "tick"),
    ]
    list_select_related = ["portfolio", "strategy", "instrument"]
    list_filter = ["side", "is_decided", "portfolio", "strategy", "instrument"]
    ordering = ["portfolio_id", "-tick", "-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.Signal]:
        return super().get_queryset(request).defer("marks")

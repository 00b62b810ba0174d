"""API of exit rules and of the kill switch's triggers."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from alphapanda.api import Given, OfPortfolio, OwnPortfolio, Row, Rows, owned, strategies_of, user_of
from risk import models
from risk.exit_services import EXIT_FIELDS, change_exits
from risk.halt import STATES
from risk.trigger_services import TRIGGER_FIELDS, change_triggers
from trading.models import Instrument

MOST = 2**31 - 1


class ExitsRow(Row):
    symbol = serializers.CharField(source="instrument.symbol", default=None)

    class Meta:
        model = models.ExitRules
        fields = ["id", "portfolio", "strategy", "instrument", "symbol", "version", *EXIT_FIELDS]
        read_only_fields = fields


def _amount() -> serializers.DecimalField:
    return serializers.DecimalField(18, 6, allow_null=True)


class ExitsChange(Given):
    """What is left out stays; null switches a rule off."""

    max_daily_loss = _amount()
    max_drawdown = _amount()
    strategy_stop_loss = _amount()
    strategy_target = _amount()
    strategy_trailing_stop = _amount()
    stop_loss = _amount()
    target = _amount()
    trailing_stop = _amount()
    square_off = serializers.TimeField(allow_null=True, help_text="time of day in India")
    breach_state = serializers.ChoiceField(STATES)


class NewExits(ExitsChange):
    portfolio = OwnPortfolio()
    strategy = serializers.IntegerField(allow_null=True, help_text="null: all of the portfolio")
    instrument = serializers.IntegerField(allow_null=True, help_text="null: all")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        given = super().validate(given)
        if "portfolio" not in given:
            raise serializers.ValidationError({"portfolio": "name it"})
        mine = strategies_of(self.context["request"]).filter(portfolio=given["portfolio"])
        found = {"strategy": mine, "instrument": Instrument.objects.all()}
        return given | {name: _found(name, among, given.get(name)) for name, among in found.items()}


class ChangeRow(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    before = serializers.JSONField()
    after = serializers.JSONField()
    by = serializers.CharField(source="changed_by.username", default=None, help_text="null: the house itself")
    changed_at = serializers.DateTimeField()


class Versioned(mixins.ListModelMixin, mixins.RetrieveModelMixin, Rows):
    """Rows of one's own portfolios that are changed in versions."""

    filterset_class = OfPortfolio

    def get_queryset(self) -> QuerySet[Any]:
        return owned(super().get_queryset(), self.request)

    @extend_schema(responses=ChangeRow(many=True))
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def changes(self, request: Request, *_: object, **__: object) -> Response:
        """The latest hundred versions: before, after, who and when."""
        latest = self.get_object().changes.select_related("changed_by")[:100]
        return Response(ChangeRow(latest, many=True).data)


class Exits(Versioned):
    """When positions are left without asking their strategies; of several rows the tightest rule holds."""

    queryset = models.ExitRules.objects.select_related("instrument").order_by("portfolio_id", "id")
    serializer_class = ExitsRow
    lookup_value_converter = "int"

    @extend_schema(request=NewExits, responses={201: ExitsRow})
    def create(self, request: Request) -> Response:
        """Sets rules of a scope, which is made when it is new; the same scope twice is one row."""
        given = NewExits(data=request.data, context={"request": request}, partial=True)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        portfolio, strategy, instrument = (values.pop(name) for name in ("portfolio", "strategy", "instrument"))
        made = change_exits(portfolio, values, user_of(request), strategy, instrument)
        return Response(ExitsRow(made).data, status.HTTP_201_CREATED)

    @extend_schema(request=ExitsChange, responses=ExitsRow)
    def partial_update(self, request: Request, pk: int) -> Response:
        row = self.get_object()
        given = ExitsChange(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changed = change_exits(row.portfolio, given.validated_data, user_of(request), row.strategy, row.instrument)
        return Response(ExitsRow(changed).data)


class TriggersRow(Row):
    class Meta:
        model = models.Triggers
        fields = ["portfolio", "version", *TRIGGER_FIELDS]
        read_only_fields = fields


class TriggersChange(Given):
    """What is left out stays; null switches a trigger off."""

    max_denials_per_minute = serializers.IntegerField(min_value=0, max_value=MOST, allow_null=True)
    max_orders_per_minute = serializers.IntegerField(min_value=0, max_value=MOST, allow_null=True)
    max_feed_age_seconds = serializers.IntegerField(min_value=1, max_value=MOST, allow_null=True)
    max_shard_lag = serializers.IntegerField(min_value=1, max_value=2**62, allow_null=True)
    reconciles = serializers.BooleanField()
    state = serializers.ChoiceField(STATES)
    flattens = serializers.BooleanField()


class NewTriggers(TriggersChange):
    portfolio = OwnPortfolio()

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if "portfolio" not in given:
            raise serializers.ValidationError({"portfolio": "name it"})
        return super().validate(given)


class TriggersOfPortfolios(Versioned):
    """What halts a portfolio by itself; one row a portfolio, found by the portfolio's id."""

    queryset = models.Triggers.objects.order_by("portfolio_id")
    serializer_class = TriggersRow
    lookup_field = "portfolio_id"
    lookup_value_converter = "int"

    @extend_schema(request=NewTriggers, responses={201: TriggersRow})
    def create(self, request: Request) -> Response:
        given = NewTriggers(data=request.data, context={"request": request}, partial=True)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        made = change_triggers(values.pop("portfolio"), values, user_of(request))
        return Response(TriggersRow(made).data, status.HTTP_201_CREATED)

    @extend_schema(request=TriggersChange, responses=TriggersRow)
    def partial_update(self, request: Request, portfolio_id: int) -> Response:
        row = self.get_object()
        given = TriggersChange(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        return Response(TriggersRow(change_triggers(row.portfolio, given.validated_data, user_of(request))).data)


def _found(name: str, rows: QuerySet[Any], wanted: int | None) -> Any:
    found = None if wanted is None else rows.filter(pk=wanted).first()
    if found is None and wanted is not None:
        raise serializers.ValidationError({name: f"there is no such {name}"})
    return found

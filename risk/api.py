"""API of risk: decisions with their verdicts, limits, halts."""

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from alphapanda.api import (
    Given,
    LedgerFilter,
    LedgerRows,
    OfPortfolio,
    OwnPortfolio,
    Row,
    Rows,
    UtcTime,
    owned,
    user_of,
)
from risk import limit_services, models, services
from risk.halt import HaltState
from risk.limits import LIMIT_NAMES
from strategies.models import Strategy


class DecisionRow(Row):
    symbol = serializers.CharField(source="instrument.symbol")
    time = UtcTime(source="exchange_time")
    order = serializers.UUIDField(source="order.pk", allow_null=True, help_text="null when it made none")

    class Meta:
        model = models.Decision
        fields = [
            *("id", "signal", "order", "portfolio", "strategy", "instrument", "symbol", "correlation_id"),
            *("tick", "n", "time", "trade_date", "approved", "quantity", "denied_by", "verdicts"),
            *("limits_version", "created_at"),
        ]
        read_only_fields = fields


class DecisionFilter(LedgerFilter):
    class Meta:
        model = models.Decision
        fields = ["approved"]


class Decisions(LedgerRows):
    queryset = models.Decision.objects.select_related("instrument", "order").order_by("portfolio_id", "-tick", "-id")
    serializer_class = DecisionRow
    filterset_class = DecisionFilter


class LimitsRow(Row):
    class Meta:
        model = models.Limits
        fields = ["portfolio", "version", *LIMIT_NAMES]
        read_only_fields = fields


class LimitsChange(Given):
    """What is left out stays; null switches a limit off."""

    max_position = serializers.IntegerField(min_value=0, max_value=2**62, allow_null=True)
    max_trades_per_day = serializers.IntegerField(min_value=0, max_value=2**31 - 1, allow_null=True)
    max_price_deviation = serializers.DecimalField(9, 6, min_value=0, allow_null=True)
    max_age_seconds = serializers.DecimalField(9, 3, min_value=0, allow_null=True)
    max_order_quantity = serializers.IntegerField(min_value=0, max_value=2**62, allow_null=True)
    max_order_value = serializers.DecimalField(20, 6, min_value=0, allow_null=True)
    max_position_value = serializers.DecimalField(20, 6, min_value=0, allow_null=True)
    max_gross_exposure = serializers.DecimalField(20, 6, min_value=0, allow_null=True)
    max_net_exposure = serializers.DecimalField(20, 6, min_value=0, allow_null=True)
    max_concentration = serializers.DecimalField(12, 6, min_value=0, allow_null=True)
    max_leverage = serializers.DecimalField(12, 6, min_value=0, allow_null=True)
    max_open_orders = serializers.IntegerField(min_value=0, max_value=2**31 - 1, allow_null=True)
    max_orders_per_day = serializers.IntegerField(min_value=0, max_value=2**31 - 1, allow_null=True)
    max_orders_per_second = serializers.IntegerField(min_value=0, max_value=2**31 - 1, allow_null=True)
    min_seconds_between_equals = serializers.DecimalField(9, 3, min_value=0, allow_null=True)
    may_short = serializers.BooleanField()
    may_overdraw = serializers.BooleanField()
    may_cross_itself = serializers.BooleanField()
    may_trade_after_hours = serializers.BooleanField()
    may_leave_grid = serializers.BooleanField()


class LimitsChangeRow(Row):
    by = serializers.CharField(source="changed_by.username", default=None, help_text="null: the house itself")

    class Meta:
        model = models.LimitsChange
        fields = ["version", "before", "after", "by", "changed_at"]
        read_only_fields = fields


class LimitsOfPortfolios(mixins.ListModelMixin, mixins.RetrieveModelMixin, Rows):
    """One row a portfolio, found by the portfolio's id."""

    queryset = models.Limits.objects.exclude(portfolio=None).order_by("portfolio_id")
    serializer_class = LimitsRow
    filterset_class = OfPortfolio
    lookup_field = "portfolio_id"
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[Any]:
        return owned(super().get_queryset(), self.request)

    @extend_schema(request=LimitsChange, responses=LimitsRow)
    def partial_update(self, request: Request, portfolio_id: int) -> Response:
        limits = self.get_object()
        given = LimitsChange(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changed = limit_services.change_limits(limits.portfolio, given.validated_data, user_of(request))
        return Response(LimitsRow(changed).data)

    @extend_schema(responses=LimitsChangeRow(many=True))
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def changes(self, request: Request, portfolio_id: int) -> Response:
        """The latest hundred versions: before, after, who and when."""
        latest = self.get_object().changes.select_related("changed_by")[:100]
        return Response(LimitsChangeRow(latest, many=True).data)


class HaltRow(Row):
    in_force = serializers.SerializerMethodField()

    class Meta:
        model = models.Halt
        fields = [
            "id",
            "portfolio",
            "strategy",
            "state",
            "reason",
            "in_force",
            "created_at",
            "lifted_at",
            "lift_reason",
        ]
        read_only_fields = fields

    def get_in_force(self, halt: models.Halt) -> bool:
        return halt.lifted_at is None


class NewHalt(Given):
    portfolio = OwnPortfolio(allow_null=True, default=None, help_text="null halts everything (staff)")
    strategy = serializers.IntegerField(allow_null=True, default=None, help_text="only this one of the portfolio")
    state = serializers.ChoiceField([state.value for state in HaltState], default=HaltState.HALTED.value)
    reason = serializers.CharField(max_length=1_000)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """A strategy must be one of the portfolio."""
        if given["strategy"] is not None:
            mine = Strategy.objects.filter(pk=given["strategy"], portfolio=given["portfolio"] or 0).first()
            if mine is None:
                raise serializers.ValidationError({"strategy": "the portfolio has no such strategy"})
            given["strategy"] = mine
        return given


class Lifting(Given):
    reason = serializers.CharField(max_length=1_000)


class Halts(mixins.ListModelMixin, mixins.RetrieveModelMixin, Rows):
    """A halt of everything is shown to everybody; only staff sets and lifts it."""

    queryset = models.Halt.objects.order_by("-id")
    serializer_class = HaltRow
    filterset_class = OfPortfolio
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[Any]:
        rows, user = super().get_queryset(), user_of(self.request)
        return rows if user.is_staff else rows.filter(Q(portfolio=None) | Q(portfolio__user=user))

    @extend_schema(request=NewHalt, responses={201: HaltRow})
    def create(self, request: Request) -> Response:
        given = NewHalt(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        _check_everything(request, wanted["portfolio"] is None)
        halt = services.halt(user_of(request), **wanted | {"state": HaltState(wanted["state"])})
        return Response(HaltRow(halt).data, status.HTTP_201_CREATED)

    @extend_schema(request=Lifting, responses=HaltRow)
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, pk: int) -> Response:
        halt = self.get_object()
        _check_everything(request, halt.portfolio_id is None)
        given = Lifting(data=request.data)
        given.is_valid(raise_exception=True)
        services.lift(halt, user_of(request), given.validated_data["reason"])
        return Response(HaltRow(self.get_object()).data)


def _check_everything(request: Request, is_everything: bool) -> None:
    if is_everything and not user_of(request).is_staff:
        raise exceptions.PermissionDenied("only staff halts everything or lifts that; name a portfolio of yours")

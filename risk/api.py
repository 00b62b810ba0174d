"""API of risk: decisions with their verdicts, halts."""

from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
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
    portfolios_of,
    user_of,
)
from risk import flattening, models, services
from risk.explanation import explained
from risk.halt import STATES, HaltState
from strategies.models import Strategy
from trading.models import Order


class DecisionRow(Row):
    symbol = serializers.CharField(source="instrument.symbol")
    time = UtcTime(source="exchange_time")
    order = serializers.SerializerMethodField(help_text="the first; null when it made none")
    orders = serializers.ListField(
        child=serializers.UUIDField(), source="order_ids", read_only=True, help_text="several when it was sliced"
    )

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_order(self, decision: Any) -> UUID | None:
        return decision.order_ids[0] if decision.order_ids else None

    class Meta:
        model = models.Decision
        fields = [
            *("id", "signal", "order", "orders", "portfolio", "strategy", "instrument", "symbol", "correlation_id"),
            *("tick", "n", "time", "trade_date", "approved", "quantity", "denied_by", "verdicts"),
            *("limits_version", "created_at"),
        ]
        read_only_fields = fields


class Explained(serializers.Serializer[Any]):
    rule = serializers.CharField()
    denies = serializers.BooleanField()
    is_exempt = serializers.BooleanField()
    limit_name = serializers.CharField(allow_null=True)
    limit = serializers.CharField(allow_null=True)
    observed = serializers.CharField(allow_null=True)
    scope = serializers.CharField(allow_null=True, help_text="whose limit it was")
    version = serializers.IntegerField(allow_null=True)
    sentence = serializers.CharField()


class DecisionDetail(DecisionRow):
    why = serializers.SerializerMethodField(help_text="every verdict in words, what denied first")

    class Meta(DecisionRow.Meta):
        fields = [*DecisionRow.Meta.fields, "why"]
        read_only_fields = fields

    @extend_schema_field(Explained(many=True))
    def get_why(self, decision: models.Decision) -> list[dict[str, Any]]:
        return explained(decision.verdicts)


class DecisionFilter(LedgerFilter):
    class Meta:
        model = models.Decision
        fields = ["approved"]


class Decisions(LedgerRows):
    queryset = (
        models.Decision.objects.select_related("instrument")
        .annotate(order_ids=ArraySubquery(Order.objects.filter(decision=OuterRef("pk")).order_by("slice").values("pk")))
        .order_by("portfolio_id", "-tick", "-id")
    )
    serializer_class = DecisionRow
    filterset_class = DecisionFilter

    def get_serializer_class(self) -> type[DecisionRow]:
        return DecisionDetail if self.action == "retrieve" else DecisionRow


class Left(serializers.Serializer[Any]):
    portfolio = serializers.IntegerField()
    strategy = serializers.IntegerField()
    symbol = serializers.CharField()
    quantity = serializers.IntegerField()


class HaltRow(Row):
    in_force = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField(help_text="of flattening: flattening, flat or not flat")
    left = serializers.SerializerMethodField(help_text="positions that a flattening halt has still to leave")

    class Meta:
        model = models.Halt
        fields = [
            "id",
            "portfolio",
            "strategy",
            "state",
            "reason",
            *("rule", "limit", "observed", "tick", "flatten", "flat_at", "progress", "left"),
            "in_force",
            "created_at",
            "lifted_at",
            "lift_reason",
        ]
        read_only_fields = fields

    def get_in_force(self, halt: models.Halt) -> bool:
        return halt.lifted_at is None

    @extend_schema_field(serializers.ChoiceField([p.value for p in flattening.Progress], allow_null=True))
    def get_progress(self, halt: models.Halt) -> str | None:
        return flattening.progress(halt)

    @extend_schema_field(Left(many=True))
    def get_left(self, halt: models.Halt) -> list[dict[str, Any]]:
        """Of the portfolios that the reader may see."""
        request = self.context.get("request")
        mine = portfolios_of(request) if request and halt.portfolio_id is None else None
        return flattening.left(halt, mine)


class NewHalt(Given):
    portfolio = OwnPortfolio(allow_null=True, default=None, help_text="null halts everything (staff)")
    strategy = serializers.IntegerField(allow_null=True, default=None, help_text="only this one of the portfolio")
    state = serializers.ChoiceField(STATES, default=HaltState.HALTED.value)
    reason = serializers.CharField(max_length=1_000)
    flatten = serializers.BooleanField(default=False, help_text="leave all positions, then halt")

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
        return Response(HaltRow(halt, context={"request": request}).data, status.HTTP_201_CREATED)

    @extend_schema(request=Lifting, responses=HaltRow)
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, pk: int) -> Response:
        halt = self.get_object()
        _check_everything(request, halt.portfolio_id is None)
        given = Lifting(data=request.data)
        given.is_valid(raise_exception=True)
        services.lift(halt, user_of(request), given.validated_data["reason"])
        return Response(HaltRow(self.get_object(), context={"request": request}).data)


def _check_everything(request: Request, is_everything: bool) -> None:
    if is_everything and not user_of(request).is_staff:
        raise exceptions.PermissionDenied("only staff halts everything or lifts that; name a portfolio of yours")

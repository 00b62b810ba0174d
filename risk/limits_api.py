"""API of limits: of portfolios, and of people, strategies and instruments."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from alphapanda.api import Given, OfPortfolio, OwnPortfolio, Row, Rows, owned, strategies_of, user_of
from risk import limit_services, models
from risk.limit_services import Whose
from risk.limits import LIMIT_NAMES
from trading.models import Instrument


def _symbols() -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(max_length=64), max_length=10_000, allow_null=True)


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
    max_volume_fraction = serializers.DecimalField(12, 6, min_value=0, allow_null=True)
    max_close_deviation = serializers.DecimalField(12, 6, min_value=0, allow_null=True)
    allowed_instruments = _symbols()
    forbidden_instruments = _symbols()
    may_short = serializers.BooleanField()
    may_overdraw = serializers.BooleanField()
    may_cross_itself = serializers.BooleanField()
    may_trade_after_hours = serializers.BooleanField()
    may_leave_grid = serializers.BooleanField()
    may_leave_circuit = serializers.BooleanField()
    may_slice = serializers.BooleanField()


class LimitsChangeRow(Row):
    by = serializers.CharField(source="changed_by.username", default=None, help_text="null: the house itself")

    class Meta:
        model = models.LimitsChange
        fields = ["version", "before", "after", "by", "changed_at"]
        read_only_fields = fields


class LimitsOfPortfolios(mixins.ListModelMixin, mixins.RetrieveModelMixin, Rows):
    """One row a portfolio, found by the portfolio's id."""

    queryset = models.Limits.objects.filter(portfolio__isnull=False, strategy=None, instrument=None).order_by(
        "portfolio_id"
    )
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


class ScopeRow(Row):
    scope = serializers.CharField(
        source="kind", help_text="whose: user, portfolio, strategy, instrument or two of them"
    )
    symbol = serializers.CharField(source="instrument.symbol", default=None)

    class Meta:
        model = models.Limits
        fields = ["id", "scope", "user", "portfolio", "strategy", "instrument", "symbol", "version", *LIMIT_NAMES]
        read_only_fields = fields


class NewScope(LimitsChange):
    """Names whose limits they are; what is left out is not limited there."""

    user = serializers.IntegerField(allow_null=True, help_text="all portfolios of a person (staff)")
    portfolio = OwnPortfolio(allow_null=True)
    strategy = serializers.IntegerField(allow_null=True, help_text="one of the portfolio")
    instrument = serializers.IntegerField(allow_null=True, help_text="only orders in it")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        given = super().validate(given)
        mine = strategies_of(self.context["request"]).filter(portfolio=given.get("portfolio") or 0)
        rows = {"user": User.objects.all(), "strategy": mine, "instrument": Instrument.objects.all()}
        found = {name: _found(name, among, given.get(name)) for name, among in rows.items()}
        return {"portfolio": None} | given | found


class ScopeFilter(OfPortfolio):
    strategy = filters.ModelChoiceFilter(
        queryset=strategies_of, error_messages={"invalid_choice": "there is no such strategy"}
    )


class Scopes(mixins.ListModelMixin, mixins.RetrieveModelMixin, Rows):
    """Every row of limits that concerns a person; of all that concern an order the tightest limit holds."""

    queryset = models.Limits.objects.select_related("instrument").order_by("id")
    serializer_class = ScopeRow
    filterset_class = ScopeFilter
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[Any]:
        rows, user = super().get_queryset(), user_of(self.request)
        mine = Q(portfolio__user=user) | Q(user=user) | Q(user=None, portfolio=None)
        return rows if user.is_staff else rows.filter(mine)

    @extend_schema(request=NewScope, responses={201: ScopeRow})
    def create(self, request: Request) -> Response:
        """Sets limits of a scope, which is made when it is new; the same scope twice is one row."""
        given = NewScope(data=request.data, context={"request": request}, partial=True)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        whose = Whose(*(values.pop(name) for name in ("user", "portfolio", "strategy", "instrument")))
        return Response(self._changed(request, whose, values), status.HTTP_201_CREATED)

    @extend_schema(request=LimitsChange, responses=ScopeRow)
    def partial_update(self, request: Request, pk: int) -> Response:
        given = LimitsChange(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        return Response(self._changed(request, Whose.of(self.get_object()), given.validated_data))

    @extend_schema(responses=LimitsChangeRow(many=True))
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def changes(self, request: Request, pk: int) -> Response:
        """The latest hundred versions: before, after, who and when."""
        latest = self.get_object().changes.select_related("changed_by")[:100]
        return Response(LimitsChangeRow(latest, many=True).data)

    def _changed(self, request: Request, whose: Whose, values: dict[str, Any]) -> dict[str, Any]:
        by = user_of(request)
        if not whose.may_be_changed_by(by):
            raise exceptions.PermissionDenied("only staff changes limits of people, of everybody and of new portfolios")
        return ScopeRow(limit_services.change(whose, values, by)).data


def _found(name: str, rows: QuerySet[Any], wanted: int | None) -> Any:
    found = None if wanted is None else rows.filter(pk=wanted).first()
    if found is None and wanted is not None:
        raise serializers.ValidationError({name: f"there is no such {name}"})
    return found

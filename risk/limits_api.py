"""API of limits: of portfolios, and of people, strategies and instruments."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import exceptions, mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from alphapanda.api import Given, OfPortfolio, OwnPortfolio, Row, Rows, owned, strategies_of, user_of
from risk import approvals, limit_services, models
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


class Waiting(Row):
    """After a change: what of it, and of changes before it, waits for approval."""

    waiting = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ListField(child=serializers.DictField()))
    def get_waiting(self, limits: models.Limits) -> list[dict[str, Any]]:
        proposed = limits.changes.filter(state=models.LimitsChange.State.PROPOSED).order_by("id")
        return [{"id": change.pk, "after": change.after} for change in proposed]


class ChangedLimits(LimitsRow, Waiting):
    class Meta(LimitsRow.Meta):
        fields = [*LimitsRow.Meta.fields, "waiting"]
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
    needs_approval = serializers.BooleanField(help_text="of a person, or of new portfolios for everybody (staff)")
    may_short = serializers.BooleanField()
    may_overdraw = serializers.BooleanField()
    may_cross_itself = serializers.BooleanField()
    may_trade_after_hours = serializers.BooleanField()
    may_leave_grid = serializers.BooleanField()
    may_leave_circuit = serializers.BooleanField()
    may_slice = serializers.BooleanField()


class LimitsChangeRow(Row):
    by = serializers.CharField(source="changed_by.username", default=None, help_text="null: the house itself")
    decided_by = serializers.CharField(source="decided_by.username", default=None)

    class Meta:
        model = models.LimitsChange
        fields = [
            *("id", "limits", "state", "version", "before", "after", "by", "changed_at"),
            *("decided_by", "decided_at"),
        ]
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

    @extend_schema(request=LimitsChange, responses=ChangedLimits)
    def partial_update(self, request: Request, portfolio_id: int) -> Response:
        limits = self.get_object()
        given = LimitsChange(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changed = limit_services.change_limits(limits.portfolio, given.validated_data, user_of(request))
        return Response(ChangedLimits(changed).data)

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
        fields = [
            *("id", "scope", "user", "portfolio", "strategy", "instrument", "symbol", "version", "needs_approval"),
            *LIMIT_NAMES,
        ]
        read_only_fields = fields


class ChangedScope(ScopeRow, Waiting):
    class Meta(ScopeRow.Meta):
        fields = [*ScopeRow.Meta.fields, "waiting"]
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

    @extend_schema(request=NewScope, responses={201: ChangedScope})
    def create(self, request: Request) -> Response:
        """Sets limits of a scope, which is made when it is new; the same scope twice is one row."""
        given = NewScope(data=request.data, context={"request": request}, partial=True)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        whose = Whose(*(values.pop(name) for name in ("user", "portfolio", "strategy", "instrument")))
        return Response(self._changed(request, whose, values), status.HTTP_201_CREATED)

    @extend_schema(request=LimitsChange, responses=ChangedScope)
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
        return ChangedScope(limit_services.change(whose, values, by)).data


def _found(name: str, rows: QuerySet[Any], wanted: int | None) -> Any:
    found = None if wanted is None else rows.filter(pk=wanted).first()
    if found is None and wanted is not None:
        raise serializers.ValidationError({name: f"there is no such {name}"})
    return found


class ChangeFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    class Meta:
        model = models.LimitsChange
        fields = ["state", "limits"]


class LimitsChanges(mixins.ListModelMixin, mixins.RetrieveModelMixin, Rows):
    """Changes of limits that concern a person: made, waiting or rejected."""

    queryset = models.LimitsChange.objects.select_related("changed_by", "decided_by").order_by("-id")
    serializer_class = LimitsChangeRow
    filterset_class = ChangeFilter
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[Any]:
        rows, user = super().get_queryset(), user_of(self.request)
        return rows if user.is_staff else rows.filter(Q(limits__portfolio__user=user) | Q(limits__user=user))

    @extend_schema(request=None, responses=LimitsChangeRow)
    @action(detail=True, methods=["post"], filterset_class=None)
    def approve(self, request: Request, pk: int) -> Response:
        """By a member of staff who did not propose it."""
        if not user_of(request).is_staff:
            raise exceptions.PermissionDenied("only staff approves changes of limits")
        return Response(LimitsChangeRow(approvals.approve(self.get_object(), user_of(request))).data)

    @extend_schema(request=None, responses=LimitsChangeRow)
    @action(detail=True, methods=["post"], filterset_class=None)
    def reject(self, request: Request, pk: int) -> Response:
        """By staff, or by who proposed it."""
        return Response(LimitsChangeRow(approvals.reject(self.get_object(), user_of(request))).data)

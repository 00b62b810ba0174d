"""API of strategies: types, strategies with their versions, signals."""

from collections.abc import Callable
from typing import Any

from django.db.models import Prefetch, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import exceptions, mixins, serializers, status, views
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from alphapanda.api import Given, LedgerRows, OfPortfolio, OwnPortfolio, Row, Rows, UtcTime, owned
from alphapanda.pages import whole
from strategies import base, models, services
from strategies.configuration import known_types
from trading.models import Instrument


class StrategyTypes(views.APIView):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The types that a person may choose, each with the JSON schema of its parameters."""
        types = known_types().types
        return whole([_type_row(name, types[name]) for name in sorted(types)])


def _type_row(name: str, strategy: type[base.Strategy]) -> dict[str, Any]:
    return {
        "name": name,
        "description": (strategy.__doc__ or "").strip(),
        "parameters": strategy.Parameters.model_json_schema(),
        "sees_fills": strategy.sees_fills,
    }


class Symbols(serializers.ListField):
    child = serializers.CharField(max_length=64)

    def to_internal_value(self, data: list[Any]) -> list[Any]:
        """The instruments themselves, found in one query."""
        symbols = super().to_internal_value(data)
        found = list(Instrument.objects.filter(symbol__in=symbols))
        unknown = set(symbols) - {instrument.symbol for instrument in found}
        if unknown:
            raise exceptions.ValidationError(f"unknown: {', '.join(sorted(unknown))}")
        return found


class Configuration(Given):
    """`parameters` are given whole: one that is left out gets its default. No instruments means all."""

    type = serializers.CharField(max_length=64)
    parameters = serializers.DictField()
    instruments = Symbols(max_length=1_000, required=False)


class NewStrategy(Given):
    portfolio = OwnPortfolio()
    name = serializers.CharField(max_length=128)
    type = serializers.CharField(max_length=64)
    parameters = serializers.DictField(default=dict)
    instruments = Symbols(max_length=1_000, default=list, help_text="no instruments means all")


class StrategyRow(Row):
    type = serializers.SerializerMethodField()
    parameters = serializers.SerializerMethodField()
    version = serializers.SerializerMethodField()
    instruments = serializers.SlugRelatedField[Instrument](slug_field="symbol", many=True, read_only=True)

    class Meta:
        model = models.Strategy
        fields = [
            *("id", "portfolio", "ordinal", "name", "type", "parameters", "version", "instruments"),
            *("status", "status_reason", "created_at"),
        ]
        read_only_fields = fields

    def get_type(self, strategy: Any) -> str:
        return str(strategy.newest[0].type)

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_parameters(self, strategy: Any) -> object:
        return strategy.newest[0].parameters

    def get_version(self, strategy: Any) -> int:
        return int(strategy.newest[0].number)


newest = Prefetch(
    "versions",
    models.StrategyVersion.objects.order_by("strategy_id", "-number").distinct("strategy_id"),
    to_attr="newest",
)


class Strategies(mixins.ListModelMixin, mixins.RetrieveModelMixin, Rows):
    """A change makes a new version, which takes effect at one tick."""

    queryset = models.Strategy.objects.prefetch_related(newest, "instruments").order_by("portfolio_id", "ordinal")
    serializer_class = StrategyRow
    filterset_class = OfPortfolio
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[Any]:
        return owned(super().get_queryset(), self.request)

    @extend_schema(request=NewStrategy, responses={201: StrategyRow})
    def create(self, request: Request) -> Response:
        given = NewStrategy(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        values = given.validated_data
        made = services.create_strategy(
            values["portfolio"], values["name"], values["type"], values["parameters"], values["instruments"]
        )
        return self._answer(made.pk, status.HTTP_201_CREATED)

    @extend_schema(request=Configuration, responses=StrategyRow)
    def update(self, request: Request, pk: int) -> Response:
        return self._configure(request, partial=False)

    @extend_schema(request=Configuration, responses=StrategyRow)
    def partial_update(self, request: Request, pk: int) -> Response:
        return self._configure(request, partial=True)

    @extend_schema(request=None, responses=StrategyRow)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: int) -> Response:
        return self._control(services.start)

    @extend_schema(request=None, responses=StrategyRow)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: int) -> Response:
        """Cancels resting orders and keeps positions."""
        return self._control(services.stop)

    def _configure(self, request: Request, *, partial: bool) -> Response:
        strategy = self.get_object()
        given = Configuration(data=request.data, partial=partial)
        given.is_valid(raise_exception=True)
        current, new = strategy.newest[0], given.validated_data
        if {"type", "parameters"} & set(new):
            services.configure(strategy, new.get("type", current.type), new.get("parameters", current.parameters))
        if "instruments" in new:
            strategy.instruments.set(new["instruments"])
            services.renew(strategy)
        return self._answer(strategy.pk)

    def _control(self, control: Callable[[models.Strategy], None]) -> Response:
        strategy = self.get_object()
        control(strategy)
        return self._answer(strategy.pk)

    def _answer(self, pk: int, code: int = status.HTTP_200_OK) -> Response:
        return Response(StrategyRow(self.get_queryset().get(pk=pk)).data, code)


class SignalRow(Row):
    symbol = serializers.CharField(source="instrument.symbol")
    time = UtcTime(source="exchange_time")

    class Meta:
        model = models.Signal
        fields = [
            *(
                "id",
                "portfolio",
                "strategy",
                "version",
                "instrument",
                "symbol",
                "correlation_id",
                "tick",
                "n",
                "time",
            ),
            *("side", "quantity", "target", "order_type", "limit_price", "trigger_price", "validity"),
            *("validity_minutes", "price", "reason", "confidence", "source", "is_decided", "created_at"),
        ]
        read_only_fields = fields


class Signals(LedgerRows):
    queryset = (
        models.Signal.objects.select_related("instrument").defer("marks").order_by("portfolio_id", "-tick", "-id")
    )
    serializer_class = SignalRow

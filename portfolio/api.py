"""API of portfolios: what they are worth, what they hold, how that changed."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from alphapanda.api import Given, Row, Rows, UtcTime, portfolios_of, user_of
from alphapanda.pages import whole
from portfolio import models, services
from portfolio.overview import overviews
from trading.charges import Product
from trading.models import Market


def _amount(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(24, 6, **options)


class Summary(serializers.Serializer[Any]):
    """For the schema; `services.summary` makes it."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    mode = serializers.ChoiceField(models.Portfolio.Mode.choices)
    currency = serializers.CharField()
    starting_cash = _amount()
    cash = _amount()
    equity = _amount()
    realised_pnl = _amount()
    unrealised_pnl = _amount()
    charges = _amount()
    net_pnl = _amount()
    gross_exposure = _amount()
    net_exposure = _amount()
    drawdown = _amount(help_text="fraction below the highest equity")
    as_of = UtcTime(allow_null=True, help_text="exchange time of the newest price in it")


class HeldRow(serializers.Serializer[Any]):
    """For the schema; `services.position_rows` makes it."""

    strategy = serializers.IntegerField()
    strategy_name = serializers.CharField()
    symbol = serializers.CharField()
    quantity = serializers.IntegerField()
    average_price = _amount(allow_null=True)
    cost = _amount()
    last_price = _amount()
    market_value = _amount()
    realised_pnl = _amount()
    unrealised_pnl = _amount()
    charges = _amount()


class NewPortfolio(Given):
    name = serializers.CharField(max_length=128)
    market = serializers.CharField(max_length=128, help_text="name of a live or mock market")
    starting_cash = serializers.DecimalField(24, 6)
    product = serializers.ChoiceField([product.value for product in Product], default=Product.MIS.value)
    slippage_bps = serializers.DecimalField(9, 4, min_value=0, max_value=5_000, required=False)
    latency_ms = serializers.IntegerField(min_value=0, max_value=86_400_000, required=False)

    def validate_market(self, name: str) -> Market:
        """A replay's market belongs to the portfolio that it was made for."""
        active = Market.objects.filter(is_active=True).exclude(kind=Market.Kind.REPLAY)
        for market in active:
            if market.name == name:
                return market
        known = ", ".join(sorted(market.name for market in active)) or "none"
        raise exceptions.ValidationError(f"there is no active market {name!r}; active: {known}")


class EquityRow(Row):
    class Meta:
        model = models.EquityPoint
        fields = ["minute", "tick", "equity", "cash"]


class EquityFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    after = filters.IsoDateTimeFilter("minute", "gte")
    before = filters.IsoDateTimeFilter("minute", "lt")


class Portfolios(Rows):
    """What each is worth at the last prices; money as text with 6 decimals."""

    queryset = models.Portfolio.objects.order_by("id")
    serializer_class = Summary
    filterset_fields = ["name"]
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[Any]:
        return portfolios_of(self.request).order_by("id")

    @extend_schema(responses=Summary(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([held.summary() for held in overviews(page or [])])

    @extend_schema(responses=Summary)
    def retrieve(self, request: Request, pk: int) -> Response:
        return Response(services.summary(self.get_object()))

    @extend_schema(request=NewPortfolio, responses={201: Summary})
    def create(self, request: Request) -> Response:
        given = NewPortfolio(data=request.data)
        given.is_valid(raise_exception=True)
        opened = services.open_portfolio(user_of(request), **given.validated_data)
        return Response(services.summary(opened), status.HTTP_201_CREATED)

    @extend_schema(responses=HeldRow(many=True))
    @action(detail=True)
    def positions(self, request: Request, pk: int) -> Response:
        """Per strategy and instrument."""
        return whole(services.position_rows(self.get_object()))

    @extend_schema(responses=EquityRow(many=True))
    @action(detail=True)
    def equity(self, request: Request, pk: int) -> Response:
        """Points of the equity curve, newest first, one a minute of wall time at most."""
        points = models.EquityPoint.objects.filter(portfolio=self.get_object()).order_by("-minute")
        chosen = EquityFilter(request.query_params, points)
        if not chosen.is_valid():
            raise exceptions.ValidationError(chosen.errors)
        page = self.paginate_queryset(chosen.qs)
        return self.get_paginated_response(EquityRow(page, many=True).data)

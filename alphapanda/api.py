"""What the APIs of all apps share: who sees what, how rows are written, how lists are filtered."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.auth.models import User
from django.db import models
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import exceptions, mixins, serializers, viewsets
from rest_framework.request import Request

from portfolio.models import Portfolio
from strategies.models import Strategy
from trading.models import Instrument

AnyModel = TypeVar("AnyModel", bound=models.Model)
if TYPE_CHECKING:
    Rows = viewsets.GenericViewSet[Any]
    _ModelSerializer = serializers.ModelSerializer[Any]
    _Serializer = serializers.Serializer[Any]
    _PortfolioField = serializers.PrimaryKeyRelatedField[Portfolio]
else:
    Rows = viewsets.GenericViewSet
    _ModelSerializer = serializers.ModelSerializer
    _Serializer = serializers.Serializer
    _PortfolioField = serializers.PrimaryKeyRelatedField


class UtcTime(serializers.DateTimeField):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{"default_timezone": UTC, **options})


class Row(_ModelSerializer):
    """A row as JSON: times in UTC; DRF writes money and prices as text with all their decimals."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: UtcTime,
    }


class Given(_Serializer):
    """What a person sends; a name that it does not know is an error and not a silent nothing."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise exceptions.ValidationError(dict.fromkeys(sorted(unknown), "cannot be set here"))
        return attrs


@extend_schema_field(OpenApiTypes.INT)
class OwnPortfolio(_PortfolioField):
    """Somebody else's does not exist."""

    default_error_messages = {"does_not_exist": "there is no such portfolio"}

    def get_queryset(self) -> models.QuerySet[Portfolio]:
        return portfolios_of(self.context["request"])


def user_of(request: Request) -> User:
    assert isinstance(request.user, User)  # permissions let nobody else in
    return request.user


def portfolios_of(request: Request) -> models.QuerySet[Portfolio]:
    """Those a person may see: their own, staff all."""
    user = user_of(request)
    return Portfolio.objects.all() if user.is_staff else Portfolio.objects.filter(user=user)


def strategies_of(request: Request) -> models.QuerySet[Strategy]:
    return Strategy.objects.filter(portfolio__in=portfolios_of(request))


def owned(queryset: models.QuerySet[AnyModel], request: Request) -> models.QuerySet[AnyModel]:
    """Rows of the portfolios a person may see; their ids go in as a list, so that an index gives the order."""
    if user_of(request).is_staff:
        return queryset
    return queryset.filter(portfolio_id__in=list(portfolios_of(request).values_list("id", flat=True)))


class OfPortfolio(filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    portfolio = filters.ModelChoiceFilter(
        queryset=portfolios_of, error_messages={"invalid_choice": "there is no such portfolio"}
    )


class LedgerFilter(OfPortfolio):
    """`after` is included, `before` is not; both are exchange time, Asia/Kolkata when they name no zone."""

    strategy = filters.ModelChoiceFilter(
        queryset=strategies_of,
        method="of_strategy",
        error_messages={"invalid_choice": "there is no such strategy"},
    )
    instrument = filters.CharFilter(method="of_instrument", label="id or symbol")
    after = filters.IsoDateTimeFilter(method="from_time", label="exchange time, included")
    before = filters.IsoDateTimeFilter(method="until_time", label="exchange time, not included")
    time_field = "exchange_time"

    def of_strategy(self, rows: models.QuerySet[Any], _: str, strategy: Strategy) -> models.QuerySet[Any]:
        """Its portfolio is named as well: that is what the indexes begin with."""
        return rows.filter(strategy=strategy, portfolio_id=strategy.portfolio_id)

    def of_instrument(self, rows: models.QuerySet[Any], name: str, value: str) -> models.QuerySet[Any]:
        wanted = {"pk": value} if value.isascii() and value.isdigit() else {"symbol": value.upper()}
        ids = list(Instrument.objects.filter(**wanted).values_list("pk", flat=True))
        if not ids:
            raise exceptions.ValidationError({name: f"there is no instrument {value!r}"})
        return rows.filter(instrument_id__in=ids)

    def from_time(self, rows: models.QuerySet[Any], _: str, value: object) -> models.QuerySet[Any]:
        return rows.filter(**{f"{self.time_field}__gte": value})

    def until_time(self, rows: models.QuerySet[Any], _: str, value: object) -> models.QuerySet[Any]:
        return rows.filter(**{f"{self.time_field}__lt": value})


class LedgerRows(mixins.ListModelMixin, mixins.RetrieveModelMixin, Rows):
    """History of a person's portfolios, newest first within each; `queryset` brings the order."""

    filterset_class = LedgerFilter
    lookup_value_converter = "uuid"

    def get_queryset(self) -> models.QuerySet[Any]:
        return owned(super().get_queryset(), self.request)

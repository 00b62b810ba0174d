"""API of trading: instruments, orders with their life, fills."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from alphapanda.api import LedgerFilter, LedgerRows, Row, Rows, UtcTime
from alphapanda.pages import whole
from trading import models, services
from trading.timeline import life_of


class InstrumentRow(Row):
    class Meta:
        model = models.Instrument
        fields = ["id", "symbol", "exchange", "token", "name", "tick_size", "lot_size", "multiplier"]
        fields += ["freeze_quantity", "lower_circuit", "upper_circuit", "previous_close"]


class Instruments(mixins.ListModelMixin, mixins.RetrieveModelMixin, Rows):
    queryset = models.Instrument.objects.order_by("id")
    serializer_class = InstrumentRow
    filterset_fields = ["symbol", "exchange"]
    lookup_value_converter = "int"


class OrderRow(Row):
    symbol = serializers.CharField(source="instrument.symbol")
    time = UtcTime(source="placed_time", help_text="exchange time of the signal's tick")

    class Meta:
        model = models.Order
        fields = [
            *("id", "decision", "slice", "portfolio", "strategy", "instrument", "symbol", "correlation_id"),
            *(
                "side",
                "quantity",
                "order_type",
                "limit_price",
                "trigger_price",
                "validity",
                "validity_minutes",
            ),
            *(
                "status",
                "filled",
                "value",
                "is_triggered",
                "placed_tick",
                "time",
                "closed_tick",
                "created_at",
            ),
        ]
        read_only_fields = fields


class MomentRow(serializers.Serializer[Any]):
    what = serializers.CharField()
    id = serializers.UUIDField()
    tick = serializers.IntegerField()
    time = UtcTime(allow_null=True)
    detail = serializers.DictField()


class OrderFilter(LedgerFilter):
    time_field = "placed_time"

    class Meta:
        model = models.Order
        fields = ["status"]


class Orders(LedgerRows):
    queryset = models.Order.objects.select_related("instrument").order_by("portfolio_id", "-placed_tick", "-id")
    serializer_class = OrderRow
    filterset_class = OrderFilter

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        return rows.select_related("decision__signal") if self.action == "timeline" else rows

    @extend_schema(responses=MomentRow(many=True))
    @action(detail=True, filterset_class=None)
    def timeline(self, request: Request, **_: object) -> Response:
        """Signal, decision, order, fills and end of an order."""
        return whole(MomentRow(life_of(self.get_object()), many=True).data)

    @extend_schema(request=None, responses=OrderRow)
    @action(detail=True, methods=["post"], filterset_class=None)
    def cancel(self, request: Request, **_: object) -> Response:
        """A closed order is a 400."""
        order = self.get_object()
        services.cancel_order(order)
        return Response(OrderRow(self.get_object()).data)


class FillRow(Row):
    symbol = serializers.CharField(source="instrument.symbol")
    time = UtcTime(source="exchange_time")

    class Meta:
        model = models.Fill
        fields = [
            *(
                "id",
                "order",
                "n",
                "portfolio",
                "strategy",
                "instrument",
                "symbol",
                "correlation_id",
                "tick",
                "time",
            ),
            *("side", "quantity", "price", "brokerage", "stt", "exchange_charge", "sebi", "stamp", "gst"),
            *("charges", "created_at"),
        ]
        read_only_fields = fields


class Fills(LedgerRows):
    queryset = models.Fill.objects.select_related("instrument").order_by("portfolio_id", "-tick", "-id")
    serializer_class = FillRow

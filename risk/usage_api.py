"""API: how near a portfolio's limits are."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alphapanda.api import UtcTime, portfolios_of
from risk.account import limits_usage


class UsageRow(serializers.Serializer[Any]):
    limit = serializers.CharField()
    used = serializers.DecimalField(24, 6)
    bound = serializers.DecimalField(24, 6)
    fraction = serializers.DecimalField(24, 6, allow_null=True, help_text="1 is used up; null when nothing is allowed")
    scope = serializers.CharField()
    version = serializers.IntegerField()
    strategy = serializers.IntegerField(allow_null=True)
    symbol = serializers.CharField(allow_null=True)


class ScopeLimits(serializers.Serializer[Any]):
    scope = serializers.CharField()
    version = serializers.IntegerField()
    strategy = serializers.IntegerField(allow_null=True)
    symbol = serializers.CharField(allow_null=True)
    limits = serializers.DictField(help_text="those that it sets")


class UsageOfLimits(serializers.Serializer[Any]):
    portfolio = serializers.IntegerField()
    as_of = UtcTime(help_text="market time")
    trade_date = serializers.DateField()
    usage = UsageRow(many=True, help_text="the nearest first")
    limits = ScopeLimits(many=True)


class LimitsUsage(APIView):
    @extend_schema(responses=UsageOfLimits)
    def get(self, request: Request, pk: int) -> Response:
        """What of each limit is used, and every limit that concerns the portfolio."""
        portfolio = get_object_or_404(portfolios_of(request), pk=pk)
        return Response(UsageOfLimits(limits_usage(portfolio)).data)

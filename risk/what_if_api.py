"""API: what other limits would have decided on a past day."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alphapanda.api import Given, OwnPortfolio
from risk.changed_limits import changed_scopes
from risk.limits_api import LimitsChange
from risk.what_if import what_if

MOST_SIGNALS = 10_000  # of a request; the command looks at more


class Question(Given):
    portfolio = OwnPortfolio()
    date = serializers.DateField(help_text="a day in India")
    limits = serializers.DictField(help_text="changes of the portfolio's own limits, as its limits are changed")

    def validate_limits(self, changes: dict[str, Any]) -> dict[str, Any]:
        given = LimitsChange(data=changes, partial=True)
        given.is_valid(raise_exception=True)
        return cast("dict[str, Any]", given.validated_data)


class Counts(serializers.Serializer[Any]):
    approved = serializers.IntegerField()
    denied = serializers.IntegerField()
    by_rule = serializers.DictField(child=serializers.IntegerField())


class Decided(serializers.Serializer[Any]):
    approved = serializers.BooleanField()
    quantity = serializers.IntegerField()
    denied_by = serializers.ListField(child=serializers.CharField())


class ComparedRow(serializers.Serializer[Any]):
    signal = serializers.UUIDField()
    tick = serializers.IntegerField()
    time = serializers.DateTimeField()
    strategy = serializers.IntegerField(help_text="its number in the portfolio")
    symbol = serializers.CharField()
    target = serializers.IntegerField()
    then = Decided()
    now = Decided()
    differs = serializers.BooleanField()
    rules = serializers.ListField(child=serializers.CharField(), help_text="against it only then or only now")


class Answer(serializers.Serializer[Any]):
    portfolio = serializers.CharField()
    date = serializers.DateField()
    assumptions = serializers.ListField(child=serializers.CharField())
    signals = serializers.IntegerField()
    then = Counts()
    now = Counts()
    newly_approved = serializers.IntegerField()
    newly_denied = serializers.IntegerField()
    other_quantity = serializers.IntegerField()
    decisions = ComparedRow(many=True, help_text="all of them, or those that differ when they are many")
    left_out = serializers.IntegerField()


class WhatIf(APIView):
    @extend_schema(request=Question, responses=Answer)
    def post(self, request: Request) -> Response:
        """Nothing is written: the ledger stays as it is."""
        given = Question(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        scopes = changed_scopes(asked["portfolio"], None, asked["limits"])
        return Response(what_if(asked["portfolio"], asked["date"], scopes, MOST_SIGNALS))

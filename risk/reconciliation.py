"""Cash and positions, once more from the fills: the rows must say the same, to the last decimal."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Case, DecimalField, ExpressionWrapper, F, Sum, Value, When
from django.db.models.functions import Coalesce

from portfolio.models import Portfolio, Position
from trading.bookkeeping import locked
from trading.models import Fill
from trading.order import Side

ZERO = Decimal(0)
NOTHING = {"quantity": 0, "value": ZERO, "charged": ZERO}
_SIGNED = Case(When(side=Side.BUY, then=F("quantity")), default=-F("quantity"))
_WIDE: DecimalField[Any, Any] = DecimalField(max_digits=40, decimal_places=6)
_VALUE = ExpressionWrapper(_SIGNED * F("price") * F("instrument__multiplier"), output_field=_WIDE)


def differences(portfolio_id: int) -> list[str]:
    """What does not add up, in words; under the portfolio's lock, so that fills and rows belong together."""
    with transaction.atomic():
        portfolio = locked(portfolio_id)
        traded = _traded(portfolio)
        return [*_of_cash(portfolio, traded), *_of_positions(portfolio, traded)]


def _traded(portfolio: Portfolio) -> dict[tuple[int, int], dict[str, Any]]:
    """By strategy and instrument: signed quantity, signed value, charges."""
    sums = {
        "quantity": Sum(_SIGNED),
        "value": Coalesce(Sum(_VALUE), Value(ZERO), output_field=_WIDE),
        "charged": Coalesce(Sum("charges"), Value(ZERO), output_field=_WIDE),
    }
    rows = Fill.objects.filter(portfolio=portfolio).order_by().values_list("strategy", "instrument")
    summed = rows.annotate(**{f"sum_{name}": expression for name, expression in sums.items()})
    return {(strategy, instrument): dict(zip(sums, rest, strict=True)) for strategy, instrument, *rest in summed}


def _of_cash(portfolio: Portfolio, traded: dict[tuple[int, int], dict[str, Any]]) -> Iterator[str]:
    spent = sum((row["value"] + row["charged"] for row in traded.values()), ZERO)
    if portfolio.cash != portfolio.starting_cash - spent:
        yield f"cash is {portfolio.cash:.6f}, its fills make it {portfolio.starting_cash - spent:.6f}"


def _of_positions(portfolio: Portfolio, traded: dict[tuple[int, int], dict[str, Any]]) -> Iterator[str]:
    held = {(row.strategy_id, row.instrument_id): row for row in Position.objects.filter(portfolio=portfolio)}
    for key in sorted({*held, *traded}):
        found, made = _row(held.get(key)), traded.get(key, NOTHING)
        for name, value in found.items():
            if value != made[name]:
                yield f"{name} of strategy {key[0]} in instrument {key[1]} is {value}, its fills make it {made[name]}"


def _row(position: Position | None) -> dict[str, Any]:
    """Cost less what was realised is the value of all trades: both move by it."""
    if position is None:
        return NOTHING
    return {
        "quantity": position.quantity,
        "value": position.cost - position.realised,
        "charged": position.charges,
    }

"""How far a flattening halt is: positions are left while it reduces, then nothing is ordered any more."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from portfolio.models import Portfolio, Position
from risk import models
from risk.exit_services import note_watched
from risk.halt import HaltState
from risk.services import announce
from trading.bookkeeping import locked
from trading.models import Order
from trading.order import OrderStatus

LONG_SECONDS = 60  # an exit needs a tick of its instrument; without one for so long a person should look


class Progress(StrEnum):
    FLATTENING = "flattening"
    FLAT = "flat"
    NOT_FLAT = "not flat"


def progress(halt: models.Halt) -> Progress | None:
    """None where nothing is to be flattened."""
    if not halt.flatten:
        return None
    if halt.flat_at or not _positions(halt).exists():
        return Progress.FLAT
    is_late = timezone.now() - halt.created_at > timedelta(seconds=LONG_SECONDS)
    return Progress.NOT_FLAT if is_late or halt.lifted_at else Progress.FLATTENING


def left(halt: models.Halt, within: QuerySet[Portfolio] | None = None) -> list[dict[str, Any]]:
    """What is still held in the scope of a flattening halt, by some portfolios or by all."""
    if not halt.flatten or halt.flat_at:
        return []
    names = ("portfolio", "strategy", "symbol", "quantity")
    held = _positions(halt) if within is None else _positions(halt).filter(portfolio__in=within)
    rows = held.values_list("portfolio", "strategy", "instrument__symbol", "quantity")
    return [dict(zip(names, row, strict=True)) for row in rows.order_by("portfolio", "strategy", "instrument")]


def settle() -> None:
    """Called by the sweep: what is flat is halted for good, until a person lifts it."""
    for halt in models.Halt.objects.filter(flatten=True, flat_at=None, lifted_at=None):
        with transaction.atomic():
            portfolios = [locked(row.pk) for row in _portfolios(halt).order_by("pk")]
            if not _positions(halt).exists() and not _working(halt).exists():
                _close(halt, portfolios)


def _close(halt: models.Halt, portfolios: list[Portfolio]) -> None:
    held = models.Halt.objects.filter(pk=halt.pk, lifted_at=None)
    if held.update(state=HaltState.HALTED, flat_at=Now()):
        for portfolio in portfolios:
            note_watched(portfolio.pk)
        halt.state = HaltState.HALTED
        announce(halt, in_force=True)


def _portfolios(halt: models.Halt) -> QuerySet[Portfolio]:
    every = Portfolio.objects.all()
    return every if halt.portfolio_id is None else every.filter(pk=halt.portfolio_id)


def _positions(halt: models.Halt) -> QuerySet[Position]:
    return Position.objects.filter(**_scope(halt)).exclude(quantity=0)


def _working(halt: models.Halt) -> QuerySet[Order]:
    return Order.objects.filter(status=OrderStatus.OPEN, **_scope(halt))


def _scope(halt: models.Halt) -> dict[str, Any]:
    names = {"portfolio": halt.portfolio_id, "strategy": halt.strategy_id}
    return {name: value for name, value in names.items() if value is not None}

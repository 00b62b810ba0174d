"""Giving and changing exit rules, and whether a portfolio's ticks are looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from portfolio.models import Portfolio
from risk import models
from risk.exits import EXIT_NAMES, Exits, Scope
from risk.halt import HaltState
from risk.versions import check_names, store
from strategies.models import Strategy
from trading.bookkeeping import locked
from trading.models import Instrument

EXIT_FIELDS = (*EXIT_NAMES, "breach_state")


def change_exits(
    portfolio: Portfolio,
    values: dict[str, Any],
    by: User | None = None,
    strategy: Strategy | None = None,
    instrument: Instrument | None = None,
) -> models.ExitRules:
    """Sets some exit rules of a scope (None is off), from the portfolio's clock on. Errors: InputError."""
    check_names(values, EXIT_FIELDS)
    with transaction.atomic():
        locked(portfolio.pk)
        row, _ = models.ExitRules.objects.get_or_create(portfolio=portfolio, strategy=strategy, instrument=instrument)
        changed = store(row, values, by)
        note_watched(portfolio.pk)
    return changed


def exits_value(portfolio: Portfolio) -> Exits:
    rows = models.ExitRules.objects.filter(portfolio=portfolio).select_related("strategy", "instrument")
    return exits_from((row.scope(), row) for row in rows)


def exits_from(rows: Iterable[tuple[Scope, models.ExitRules]]) -> Exits:
    """Of one portfolio."""
    known = list(rows)
    whole = [HaltState(row.breach_state) for scope, row in known if scope == Scope()]
    return Exits(tuple((scope, row.rules()) for scope, row in known), *whole[:1])


def note_watched(portfolio_id: int) -> None:
    """Call it under the portfolio's lock after exit rules or flattening halts have changed."""
    portfolio = Portfolio.objects.get(pk=portfolio_id)
    is_watched = exits_value(portfolio).is_on or being_flattened(portfolio).exists()
    if is_watched != portfolio.is_watched:
        Portfolio.objects.filter(pk=portfolio_id).update(is_watched=is_watched)
        models.WatchMemory.objects.filter(portfolio=portfolio_id).delete()


def being_flattened(portfolio: Portfolio) -> QuerySet[models.Halt]:
    """Halts in force whose positions are still to be left."""
    return models.Halt.objects.filter(
        Q(portfolio=portfolio) | Q(portfolio=None), lifted_at=None, flatten=True, flat_at=None
    )

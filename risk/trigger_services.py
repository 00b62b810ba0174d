"""Triggers of the kill switch: what the sweep looks at every second, and their thresholds.

Replays are left alone: what halts them stands in their exit rules, at a tick.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime, timedelta
from itertools import takewhile
from time import time
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from alphapanda.connection import connection, key
from alphapanda.movement import feed_ages, shard_lags
from portfolio.models import Portfolio
from risk import models, past, services
from risk.halt import HaltState
from risk.reconciliation import differences
from risk.triggers import Observed, Thresholds, tripped
from risk.versions import check_names, store
from trading.bookkeeping import locked
from trading.models import Market, Order
from trading.reference import stored_calendar

THRESHOLDS = tuple(field.name for field in fields(Thresholds))
TRIGGER_FIELDS = (*THRESHOLDS, "state", "flattens")
WINDOW = timedelta(minutes=1)
RECONCILE_SECONDS = 60  # a million fills take a third of a second
OURS = {"halt", "nothing_to_do", "behind_clock"}  # no sign that a strategy has gone mad


def change_triggers(portfolio: Portfolio, values: dict[str, Any], by: User | None = None) -> models.Triggers:
    """Sets some thresholds (None is off). Errors: InputError naming the field."""
    check_names(values, TRIGGER_FIELDS)
    with transaction.atomic():
        locked(portfolio.pk)
        row, _ = models.Triggers.objects.get_or_create(portfolio=portfolio)
        return store(row, values, by)


def look() -> list[models.Halt]:
    """Halts every portfolio that a trigger asks for, once until a person lifts it."""
    active = models.Triggers.objects.filter(portfolio__market__is_active=True)
    rows = list(active.exclude(portfolio__market__kind=Market.Kind.REPLAY).select_related("portfolio__market"))
    if not rows:
        return []
    ages, lags = feed_ages(), shard_lags()
    return [halt for row in rows for halt in _look(row, ages, lags)]


def _look(row: models.Triggers, ages: dict[str, float], lags: dict[str, int]) -> Iterable[models.Halt]:
    market = row.portfolio.market
    thresholds = Thresholds(**{name: getattr(row, name) for name in THRESHOLDS})
    observed = Observed(
        denials=_denials(row.portfolio) if thresholds.max_denials_per_minute is not None else 0,
        orders=_orders(row.portfolio) if thresholds.max_orders_per_minute is not None else 0,
        feed_age_seconds=ages.get(market.name, 0) if _is_open(market) else 0,
        shard_lag=lags.get(f"{market.name}/{row.portfolio.shard}", 0),
        differences=differences(row.portfolio_id) if row.reconciles and _is_due(row.portfolio) else (),
    )
    in_force = {halt.rule for halt in past.in_force(row.portfolio)}
    for breach in tripped(thresholds, observed):
        if breach.rule not in in_force:
            yield services.halt(
                None, row.portfolio, str(breach), HaltState(row.state), flatten=row.flattens, breach=breach
            )


def _denials(portfolio: Portfolio) -> int:
    newest = models.Decision.objects.filter(portfolio=portfolio).order_by("-tick")
    rows = newest.values_list("created_at", "approved", "denied_by").iterator(chunk_size=200)
    since = _since(portfolio, "denials")
    recent = takewhile(lambda row: row[0] > since, rows)
    return sum(not approved and not OURS & set(denied_by) for _, approved, denied_by in recent)


def _orders(portfolio: Portfolio) -> int:
    newest = Order.objects.filter(portfolio=portfolio).order_by("-placed_tick")
    rows = newest.values_list("created_at", flat=True).iterator(chunk_size=200)
    since = _since(portfolio, "order_rate")
    return sum(1 for _ in takewhile(lambda created: created > since, rows))


def _since(portfolio: Portfolio, rule: str) -> datetime:
    """A minute ago, or when a person last lifted what this had halted."""
    lifted = models.Halt.objects.filter(portfolio=portfolio, rule=rule, lifted_at__isnull=False)
    last = lifted.order_by("-lifted_at").values_list("lifted_at", flat=True).first()
    begin = timezone.now() - WINDOW
    return max(begin, last) if last else begin


def _is_open(market: Market) -> bool:
    """A live feed is silent at night."""
    return market.kind != Market.Kind.LIVE or stored_calendar().closed("NSE", int(time() * 1_000_000)) is None


def _is_due(portfolio: Portfolio) -> bool:
    return bool(connection().set(key("reconciled", portfolio.pk), 1, nx=True, ex=RECONCILE_SECONDS))

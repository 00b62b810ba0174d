"""How far a market's readers are: what a replay waits for."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Min, Q

from portfolio.models import Portfolio
from strategies.models import Control, Shard, Signal
from strategies.seen import seen_by
from trading.order import OrderStatus

_HELD = Q(positions__quantity__gt=0) | Q(positions__quantity__lt=0)
# Portfolios with working orders, or with positions that exit rules look at.
AWAITS_TICKS = Q(orders__status=OrderStatus.OPEN) | Q(is_watched=True) & _HELD


def low_mark(market: UUID) -> int:
    """The lowest saved place: a reader that starts anew needs the log from behind it."""
    clock = Portfolio.objects.filter(market=market).aggregate(low=Min("clock"))["low"]
    saved = Shard.objects.filter(market=market).aggregate(low=Min("saved"))["low"]
    return min(clock or 0, saved or 0)


def is_idle(market: UUID, tick: int) -> bool:
    """Whether every stage has finished with every tick up to this one."""
    shards = Shard.objects.filter(market=market).values_list("number", flat=True)
    if any(seen_by(market, shard) < tick for shard in shards):
        return False
    portfolios = Portfolio.objects.filter(market=market)
    if portfolios.filter(clock__lt=tick).exists():
        return False
    undecided = Signal.objects.filter(portfolio__in=portfolios, is_decided=False)
    unsettled = Control.objects.filter(
        market=market, is_settled=False, from_tick__lte=tick, kind__in=["STOP", "QUARANTINE"]
    )
    return not undecided.exists() and not unsettled.exists()

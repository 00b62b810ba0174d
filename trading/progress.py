"""How far a market's readers are: what a replay waits for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import time
from uuid import UUID

from django.conf import settings
from django.db.models import Min, Q, QuerySet

from alphapanda.connection import connection, reply
from alphapanda.prepared import prepared
from alphapanda.statements import ask
from alphapanda.wake import redis_fullness
from portfolio.models import Portfolio
from strategies.models import Control, Shard, Signal
from strategies.seen import seen_by
from trading.awaited import hints_in, hints_of
from trading.log import MarketLog
from trading.models import Market, Order
from trading.order import OrderStatus

STILL_SECONDS = 3.0  # that a shard may leave a watched portfolio's clock where it is, while it looks at its ticks
LATE_TICKS = 50_000  # of a live or mock market: at its busiest about a minute
ENDS = (Control.Kind.STOP, Control.Kind.QUARANTINE)
_HELD = Q(positions__quantity__gt=0) | Q(positions__quantity__lt=0)
# Portfolios with working orders, or with positions that exit rules look at.
AWAITS_TICKS = Q(orders__status=OrderStatus.OPEN) | Q(is_watched=True) & _HELD


def most_ahead(width: int) -> int:
    """Ticks that a replay may be ahead of its slowest reader, of so many bytes each: fewer where Redis fills up, which
    many replays do together.
    """
    is_crowded = redis_fullness() > settings.REDIS_FULL / 2
    return int((settings.REPLAY_KEEP_BYTES_CROWDED if is_crowded else settings.REPLAY_KEEP_BYTES) // width)


def low_mark(market: UUID) -> int:
    """The lowest saved place: a reader that starts anew needs the log from behind it."""
    clock = Portfolio.objects.filter(market=market).aggregate(low=Min("clock"))["low"]
    saved = Shard.objects.filter(market=market).aggregate(low=Min("saved"))["low"]
    return min(clock or 0, saved or 0)


def behind(market: Market, shard: int, seen: int) -> dict[int, bool]:
    """Portfolios that wait for ticks which are there, and whether they are watched: any of a replay; of others those
    that are watched, those with working orders in what has ticked or too far behind, and those where a control ends
    a strategy, whose orders are cancelled as the clock moves.
    """
    place = market.pk, shard, seen
    if market.kind == Market.Kind.REPLAY:
        return dict(_late(*place))
    watched, ended, resting = _watched.later(*place), _ended.later(*place, seen + 1), _resting.later(*place)
    ask(watched, ended, resting)
    left = [*(pk for (pk,) in ended.rows), *_ticked(set(resting.rows), market.pk, seen)]
    forgotten = _forgotten([pk for (pk,) in watched.rows], market.pk, shard)
    return dict.fromkeys(forgotten, True) | dict.fromkeys(left, False)


def _forgotten(watched: Sequence[int], market: UUID, shard: int) -> Iterator[int]:
    """Those that their shard does not look at of its own accord, as it did just now."""
    hints = hints_of(reply(hints_in(market, shard))) if watched else {}
    for portfolio in watched:
        hint = hints.get(portfolio)
        if hint is None or not hint.is_watched or abs(time() - hint.at) > STILL_SECONDS:
            yield portfolio


@prepared
def _late(market: UUID, shard: int, seen: int) -> QuerySet[Portfolio, tuple[int, bool]]:
    return _behind(market, shard, seen).values_list("pk", "is_watched")


@prepared
def _watched(market: UUID, shard: int, seen: int) -> QuerySet[Portfolio, tuple[int]]:
    return _behind(market, shard, seen).filter(AWAITS_TICKS, is_watched=True).values_list("pk")


@prepared
def _ended(market: UUID, shard: int, seen: int, until: int) -> QuerySet[Portfolio, tuple[int]]:
    ends = Control.objects.filter(market=market, kind__in=ENDS, is_settled=False, from_tick__lte=until)
    late = _behind(market, shard, seen).filter(is_watched=False, strategies__in=ends.values("strategy"))
    return late.values_list("pk")


@prepared
def _resting(market: UUID, shard: int, seen: int) -> QuerySet[Order, tuple[int, int, int]]:
    late = _behind(market, shard, seen).filter(is_watched=False)
    orders = Order.objects.filter(status=OrderStatus.OPEN, portfolio__in=late)
    return orders.values_list("portfolio", "portfolio__clock", "instrument")


def _behind(market: UUID, shard: int, seen: int) -> QuerySet[Portfolio]:
    return Portfolio.objects.filter(market=market, shard=shard, clock__lt=seen)


def _ticked(resting: set[tuple[int, int, int]], market: UUID, seen: int) -> Iterator[int]:
    most = min(LATE_TICKS, settings.LOG_KEEP_TICKS) // 2  # then a clock moves, or what it comes from would be trimmed
    last = MarketLog(connection(), market).last_prices({instrument for *_, instrument in resting})
    for portfolio, clock, instrument in resting:
        if instrument not in last or last[instrument].tick > clock or seen - clock > most:
            yield portfolio


def is_idle(market: UUID, tick: int) -> bool:
    """Whether every stage has finished with every tick up to this one."""
    shards = Shard.objects.filter(market=market).values_list("number", flat=True)
    if any(seen_by(market, shard) < tick for shard in shards):
        return False
    portfolios = Portfolio.objects.filter(market=market)
    if portfolios.filter(clock__lt=tick).exists():
        return False
    undecided = Signal.objects.filter(portfolio__in=portfolios, is_decided=False)
    unsettled = Control.objects.filter(market=market, is_settled=False, from_tick__lte=tick, kind__in=ENDS)
    return not undecided.exists() and not unsettled.exists()

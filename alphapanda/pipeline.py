"""The joints: which stage wakes which, and the sweep that sends again what got lost.

    beat → sweep → trading.ingest → strategies.evaluate → chain(risk.decide, trading.execute, portfolio.value)

Messages carry keys only; the work is in the log and in rows, so a lost, doubled or late message costs time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import time
from typing import Any
from uuid import UUID

from celery import chain, current_app
from celery.canvas import Signature
from django.conf import settings
from django.db.models import QuerySet

from alphapanda.connection import connection, key
from alphapanda.wake import is_woken, wake
from portfolio.models import Portfolio
from portfolio.services import is_due
from strategies.models import Shard, Signal
from strategies.seen import market_and_shard, seen_by
from strategies.shard import Moved
from strategies.waiting import released
from trading.awaited import awaiting
from trading.log import MarketLog
from trading.markets import close_market
from trading.models import Market
from trading.progress import AWAITS_TICKS, is_idle

INGEST_SECONDS = 3.0
INGEST_SECONDS_SHARED = 1.0
QUEUES = {
    "trading.ingest": "ingest",
    "risk.decide": "risk",
    "trading.execute": "execution",
    "portfolio.value": "portfolio",
}


def step(task: str, argument: object, correlation: UUID | None = None) -> Signature:
    headers = {"correlation_id": str(correlation)} if correlation else {}
    return current_app.signature(task, args=[argument], queue=QUEUES[task], immutable=True, headers=headers)


def queue_of(task: str, arguments: Sequence[Any]) -> str:
    """Where a task with these arguments belongs."""
    match task, arguments:
        case "strategies.evaluate", [_, int(shard)]:
            return shard_queue(shard)
    return QUEUES.get(task, "sweep")


def shard_queue(shard: int) -> str:
    return f"strategies.{shard % settings.STRATEGY_SHARDS}"


def wake_ingest(market: UUID) -> None:
    wake(f"ingest:{market}", "ingest", lambda: step("trading.ingest", str(market)).set(expires=2))


def succeed_ingest(market: UUID) -> None:
    """The holder of the lease sends its successor, so that there is no pause between windows."""
    step("trading.ingest", str(market)).apply_async()


def ingest_window() -> float:
    """Seconds a market may be sequenced at a stretch: shorter than the soft shutdown, and shorter still when
    more markets than hands are there.
    """
    has_hands = Market.objects.filter(is_active=True).count() <= settings.INGEST_CONCURRENCY
    return INGEST_SECONDS if has_hands else INGEST_SECONDS_SHARED


def wake_shard(market: UUID, shard: int) -> None:
    """New ticks, or a clock that a strategy waited for."""
    queue = shard_queue(shard)
    message = current_app.signature("strategies.evaluate", args=[str(market), shard], queue=queue)
    wake(f"evaluate:{market}:{shard}", queue, lambda: message)


def wake_shards(market: UUID, shards: Iterable[int]) -> None:
    for shard in shards:
        wake_shard(market, shard)


def wake_signalled(portfolio: int, correlation: UUID | None = None) -> None:
    """New signals: decide, match what was ordered, value where that is due."""
    tasks = ("risk.decide", "trading.execute")
    wake(f"decide:{portfolio}", "risk", lambda: _valued_after(portfolio, tasks, correlation))


def is_to_decide(portfolio: int) -> bool:
    """Whether deciding waits already, which matches too: matching on its own would be done twice."""
    return is_woken(f"decide:{portfolio}")


def wake_working(portfolio: int) -> None:
    """New ticks for working orders: match, value where that is due."""
    if is_to_decide(portfolio):
        return
    wake(f"execute:{portfolio}", "execution", lambda: _valued_after(portfolio, ("trading.execute",)))


def _valued_after(portfolio: int, tasks: Sequence[str], correlation: UUID | None = None) -> Signature:
    """Without the valuation while it is not due: the sweep sends one of its own, every second."""
    every = (*tasks, "portfolio.value") if is_due(portfolio) else tasks
    return chain(*(step(task, portfolio, correlation) for task in every))


def wake_moving(portfolio: int, *, is_watched: bool) -> None:
    """New ticks: where exit rules look, deciding moves the clock."""
    if is_watched:
        wake_signalled(portfolio)
    else:
        wake_working(portfolio)


def wake_valuation(portfolio: int) -> None:
    wake(f"value:{portfolio}", "portfolio", lambda: step("portfolio.value", portfolio))


def wake_evaluated(market: UUID, shard: int, moved: Moved) -> None:
    """After a shard has moved: portfolios with signals, and those whose orders wait for what has ticked."""
    for portfolio, correlation in moved.signalled.items():
        wake_signalled(portfolio, correlation)
    for portfolio, is_watched in awaiting(market, shard, moved.ticked).items():
        if portfolio not in moved.signalled:
            wake_moving(portfolio, is_watched=is_watched)


def wake_waiting(portfolio: int) -> None:
    """After a clock has moved: strategies that waited to see their fills."""
    market, shard = market_and_shard(portfolio)
    if released(market, shard, portfolio):
        wake_shard(market, shard)


def sweep() -> None:
    """Finds rows that wait and wakes their stage, the same way as everyone else."""
    connection().set(key("swept"), int(time()))
    for market in Market.objects.filter(is_active=True):
        _sweep(market)


def _sweep(market: Market) -> None:
    if _is_over(market):
        close_market(market)
        return
    wake_ingest(market.pk)
    tail = MarketLog(connection(), market.pk).tail()
    for shard, seen in _seen(market).items():
        if seen < tail:
            wake_shard(market.pk, shard)
        for portfolio, is_watched in _behind(market, shard, seen):
            wake_moving(portfolio, is_watched=is_watched)
    for portfolio in _undecided(market):
        wake_signalled(portfolio)
    for portfolio in filter(is_due, _holding(market)):
        wake_valuation(portfolio)


def _seen(market: Market) -> dict[int, int]:
    return {shard: seen_by(market.pk, shard) for shard in shards_of(market.pk)}


def shards_of(market: UUID) -> list[int]:
    return list(Shard.objects.filter(market=market).values_list("number", flat=True))


def _behind(market: Market, shard: int, seen: int) -> QuerySet[Portfolio, tuple[int, bool]]:
    """Portfolios that wait for ticks which are there: with working orders, watched with positions, or any of a
    replay; and whether they are watched.
    """
    behind = Portfolio.objects.filter(market=market, shard=shard, clock__lt=seen)
    if market.kind != Market.Kind.REPLAY:
        behind = behind.filter(AWAITS_TICKS).distinct()
    return behind.values_list("pk", "is_watched")


def _undecided(market: Market) -> QuerySet[Signal, int]:
    waiting = Signal.objects.filter(portfolio__market=market, is_decided=False)
    return waiting.order_by("portfolio").values_list("portfolio", flat=True).distinct()


def _holding(market: Market) -> QuerySet[Portfolio, int]:
    held = Portfolio.objects.filter(market=market).exclude(positions=None)
    return held.values_list("pk", flat=True).distinct()


def _is_over(market: Market) -> bool:
    return market.last_tick is not None and is_idle(market.pk, market.last_tick)

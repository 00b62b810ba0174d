"""The joints: which stage wakes which, and the sweep that sends again what got lost.

    beat → sweep → trading.ingest → strategies.evaluate → chain(risk.decide, trading.execute, portfolio.value)

Messages carry keys only; the work is in the log and in rows, so a lost, doubled or late message costs time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from time import time
from typing import Any
from uuid import UUID

from celery import current_app
from celery.canvas import Signature
from django.conf import settings
from django.db.models import QuerySet

from alphapanda.connection import connection, gathered, key, replies
from alphapanda.message import ARGUMENTS, Pattern
from alphapanda.prepared import prepared
from alphapanda.statements import ask
from alphapanda.wake import are_woken, wake, whether_woken
from portfolio.models import Portfolio
from portfolio.services import due, is_fresh, when_valued
from strategies.models import Shard, Signal
from strategies.seen import market_and_shard, published_by, seen_again, told
from strategies.waiting import whether_released
from trading.awaited import hint_of, may_match
from trading.last_prices import saved_to
from trading.log import MarketLog
from trading.markets import close_market
from trading.models import Market
from trading.progress import behind, is_idle

INGEST_SECONDS = 3.0
INGEST_SECONDS_SHARED = 1.0
QUEUES = {
    "trading.ingest": "ingest",
    "risk.decide": "risk",
    "trading.execute": "execution",
    "portfolio.value": "portfolio",
}


def step(task: str, argument: object) -> Signature:
    return current_app.signature(task, args=[argument], queue=QUEUES[task], immutable=True)


def queue_of(task: str, arguments: Sequence[Any]) -> str:
    """Where a task with these arguments belongs."""
    match task, arguments:
        case "strategies.evaluate", [_, int(shard)]:
            return shard_queue(shard)
    return QUEUES.get(task, "sweep")


def shard_queue(shard: int) -> str:
    return f"strategies.{shard % settings.STRATEGY_SHARDS}"


def wake_ingest(market: UUID) -> None:
    wake(f"ingest:{market}", "ingest", _ingest().message(str(market)))


@cache
def _ingest() -> Pattern:
    return Pattern.of(step("trading.ingest", ARGUMENTS[0]).set(expires=2))


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
    wake(f"evaluate:{market}:{shard}", queue, evaluation_in(queue).message(str(market), shard))


@cache
def evaluation_in(queue: str) -> Pattern:
    return Pattern.of(current_app.signature("strategies.evaluate", args=ARGUMENTS[:2], queue=queue, immutable=True))


def wake_shards(market: UUID, shards: Sequence[int]) -> None:
    """New ticks, hundreds of times a second: shards that work are woken already."""
    if are_woken(f"evaluate:{market}:{shard}" for shard in shards):
        return
    with gathered():
        for shard in shards:
            wake_shard(market, shard)


def wake_signalled(portfolio: int, correlation: UUID | None = None) -> None:
    """New signals: decide, match what was ordered, value."""
    pattern = chained("risk.decide", "trading.execute", "portfolio.value")
    wake(f"decide:{portfolio}", "risk", pattern.message(portfolio, correlation=correlation or ""))


def is_to_match(portfolio: int) -> bool:
    """Behind deciding: where that waits again, which matches too, matching on its own would be done twice. Wakes
    strategies that waited for the clock, which has moved.
    """
    market, shard = place = market_and_shard(portfolio)
    commands = whether_woken(f"decide:{portfolio}"), whether_released(*place, portfolio), hint_of(portfolio)
    is_to_decide, is_released, hint, published = replies(*commands, published_by(*place))
    if is_released:
        wake_shard(market, shard)
    return not is_to_decide and may_match(portfolio, hint, told(published))


def wake_working(portfolio: int) -> None:
    """New ticks for working orders, unless deciding waits, which matches too: match, value."""
    message = chained("trading.execute", "portfolio.value").message(portfolio)
    wake(f"execute:{portfolio}", "execution", message, unless=f"decide:{portfolio}")


@cache
def chained(*tasks: str) -> Pattern:
    """Of one portfolio."""
    return Pattern.of(*(step(task, ARGUMENTS[0]) for task in tasks))


def wake_moving(portfolio: int, *, is_to_decide: bool, correlation: UUID | None = None) -> None:
    """New ticks: where there are signals or exit rules look, deciding moves the clock."""
    if is_to_decide:
        wake_signalled(portfolio, correlation)
    else:
        wake_working(portfolio)


def wake_valuations(portfolios: Sequence[int]) -> None:
    """A message for several of them: all come at once, each second, and one for each takes twice the processor."""
    for begin in range(0, len(portfolios), len(ARGUMENTS)):
        some = portfolios[begin : begin + len(ARGUMENTS)]
        wake(f"value:{some[0]}", "portfolio", _valuation(len(some)).message(*some))


@cache
def _valuation(portfolios: int) -> Pattern:
    arguments, queue = ARGUMENTS[:portfolios], QUEUES["portfolio.value"]
    return Pattern.of(current_app.signature("portfolio.value", args=arguments, queue=queue, immutable=True))


def wake_waiting(portfolio: int) -> bool:
    """After a clock has moved: strategies that waited to see their fills. Returns whether the portfolio need not be
    valued now.
    """
    market, shard = market_and_shard(portfolio)
    commands = whether_released(market, shard, portfolio), when_valued(portfolio), hint_of(portfolio)
    is_released, valued, hint = replies(*commands)
    if is_released:
        wake_shard(market, shard)
    return is_fresh(portfolio, valued, hint)


def sweep() -> None:
    """Finds rows that wait and wakes their stage, the same way as everyone else."""
    connection().set(key("swept"), int(time()))
    for market in Market.objects.filter(is_active=True):
        with gathered():
            _sweep(market)


def _sweep(market: Market) -> None:
    if _is_over(market):
        close_market(market)
        return
    market_log = MarketLog(connection(), market.pk)
    if not market_log.is_fed():
        wake_ingest(market.pk)
    tail = market_log.tail()
    for shard, seen in seen_again(market.pk).items():
        if seen < tail:
            wake_shard(market.pk, shard)
        for portfolio, is_watched in behind(market, shard, seen).items():
            wake_moving(portfolio, is_to_decide=is_watched)
    undecided, holding = _undecided.later(market.pk), _holding.later(market.pk)
    ask(undecided, holding)
    for (portfolio,) in undecided.rows:
        wake_signalled(portfolio)
    wake_valuations(due([portfolio for (portfolio,) in holding.rows]))


def shards_of(market: UUID) -> list[int]:
    return list(Shard.objects.filter(market=market).values_list("number", flat=True))


@prepared
def _undecided(market: UUID) -> QuerySet[Signal, tuple[int]]:
    waiting = Signal.objects.filter(portfolio__market=market, is_decided=False)
    return waiting.order_by("portfolio").values_list("portfolio").distinct()


@prepared
def _holding(market: UUID) -> QuerySet[Portfolio, tuple[int]]:
    return Portfolio.objects.filter(market=market).exclude(positions=None).order_by("pk").values_list("pk").distinct()


def _is_over(market: Market) -> bool:
    """A replay whose last prices are rows: closing it drops those in Redis."""
    last = market.last_tick
    return last is not None and is_idle(market.pk, last) and saved_to(market.pk) >= last

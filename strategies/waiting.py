"""Strategies that see fills: a fill of tick n is shown before tick n + 1.

Such a strategy does not run past its portfolio's clock while it has an undecided signal or a working order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

from django.db.models import QuerySet

from alphapanda.connection import Command, connection, key
from alphapanda.prepared import prepared
from alphapanda.statements import ask
from portfolio.models import Portfolio, Position
from strategies import models
from strategies.lane import Lane
from strategies.runner import Runner
from trading.fill import Fill
from trading.log import MarketLog
from trading.markets import is_replay
from trading.models import Fill as FillRow
from trading.models import Order
from trading.order import OrderStatus
from trading.records import fill_value
from trading.ticks import Ticks

EVER = 2**62


@dataclass(slots=True)
class Known:
    """All fills up to and of tick `until` that were not shown yet, in order: nothing else can come up to there."""

    until: int = -1
    fills: deque[Fill] = field(default_factory=deque)


def move(lane: Lane, strategy: models.Strategy, ticks: Ticks, deadline: float, at_rest: Callable[[], None]) -> bool:
    """Evaluates as far as the strategy may see; calls `at_rest` before it asks servers, whose hanging is not the
    strategy's. Returns whether it may go on.
    """
    known = Known()
    for number in range(max(lane.place + 1, ticks.first), ticks.last + 1):
        lane.settle()
        runner = lane.runners.get(strategy.pk)
        if runner and number > runner.place:
            if runner.place > known.until:
                at_rest()
                known = _known(runner, strategy, ticks)
            if runner.place > known.until:
                return False
            _show_fills(lane, strategy.pk, number, known)
        lane.evaluate(ticks.between(number - 1, number))
        if lane.signals or monotonic() > deadline:
            return False
    return True


def whether_released(market: UUID, shard: int, portfolio: int) -> Command:
    """Whether a strategy of the portfolio waited for its clock, which has moved now."""
    return lambda redis: redis.srem(key("waiting", market, shard), portfolio)


def waited_for(market: UUID, shard: int) -> Command:
    """Portfolios for whose clock a strategy waits."""
    return lambda redis: redis.smembers(key("waiting", market, shard))


def _known(runner: Runner, strategy: models.Strategy, ticks: Ticks) -> Known:
    until = _until(strategy, ticks)
    rows = _fills(strategy.pk, runner.shown, until) if until >= runner.place else ()
    return Known(until, deque(fill_value(row, runner.ordinal) for row in rows))


def _until(strategy: models.Strategy, ticks: Ticks) -> int:
    """Where the next fill can come at the earliest is behind this tick. What comes of a signal is an order, and of that
    a position: they are asked for in this order. Without any of them nothing comes before the next signal, and of
    orders nothing before their instruments tick: on a live market others go on meanwhile.
    """
    portfolio = strategy.portfolio
    signals, orders = (query.later(portfolio.pk, strategy.pk) for query in (_undecided, _working))
    left = _may_be_left.later(strategy.pk)
    ask(signals, orders, left)
    if not (signals.rows or orders.rows or left.rows):
        return EVER
    clock, working = _clock(portfolio), {instrument for (instrument,) in orders.rows}
    if signals.rows or left.rows or not _is_quiet(portfolio.market_id, working, clock, ticks):
        return clock
    return max(clock, ticks.last)


def _is_quiet(market: UUID, instruments: set[int], clock: int, ticks: Ticks) -> bool:
    """Whether none of them has ticked behind a portfolio's clock. A replay's log may be read again from before it."""
    if is_replay(market) or MarketLog(connection(), market).have_ticked(instruments, clock):
        return False
    return ticks.find(instruments, max(0, clock + 1 - ticks.first), len(ticks)) is None


def _clock(portfolio: Portfolio) -> int:
    """From now on the strategy is woken when the clock moves: said before the clock is read, no wake-up is missed."""
    connection().sadd(key("waiting", portfolio.market_id, portfolio.shard), portfolio.pk)
    return Portfolio.objects.values_list("clock", flat=True).get(pk=portfolio.pk)


@prepared
def _undecided(portfolio: int, strategy: int) -> QuerySet[models.Signal, tuple[int]]:
    undecided = models.Signal.objects.filter(portfolio=portfolio, strategy=strategy, is_decided=False)
    return undecided.values_list("tick")[:1]


@prepared
def _working(portfolio: int, strategy: int) -> QuerySet[Order, tuple[int]]:
    working = Order.objects.filter(portfolio=portfolio, strategy=strategy, status=OrderStatus.OPEN)
    return working.values_list("instrument_id")


@prepared
def _may_be_left(strategy: int) -> QuerySet[Position, tuple[int]]:
    """What it holds where an exit rule may order at any tick."""
    held = Position.objects.filter(strategy=strategy, portfolio__is_watched=True)
    return held.exclude(quantity=0).values_list("quantity")[:1]


@prepared
def _fills(strategy: int, shown: int, until: int) -> QuerySet[FillRow]:
    fills = FillRow.objects.filter(strategy=strategy, tick__gt=shown, tick__lte=until)
    return fills.order_by("tick", "order__placed_tick", "order__placed_n", "n")


def _show_fills(lane: Lane, strategy: int, tick: int, known: Known) -> None:
    """Those up to the place of its runner, before it gets this tick."""
    runner = lane.runners[strategy]
    while known.fills and known.fills[0].tick <= runner.place and strategy in lane.runners:
        lane.guard(strategy, tick, runner.on_fill, known.fills.popleft())
    runner.shown = runner.place

"""Strategies that see fills: a fill of tick n is shown before tick n + 1.

Such a strategy does not run past its portfolio's clock while it has an undecided signal or a working order.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from alphapanda.connection import connection, key
from portfolio.models import Portfolio, Position
from strategies import models
from strategies.lane import Lane
from strategies.runner import Runner
from trading.models import Fill, Order
from trading.order import OrderStatus
from trading.records import fill_value
from trading.ticks import Ticks


def move(lane: Lane, strategy: models.Strategy, ticks: Ticks, deadline: float, at_rest: Callable[[], None]) -> bool:
    """Evaluates as far as the strategy may see; calls `at_rest` before it asks servers, whose hanging is not the
    strategy's. Returns whether it may go on.
    """
    for number in range(max(lane.place + 1, ticks.first), ticks.last + 1):
        lane.settle()
        runner = lane.runners.get(strategy.pk)
        if runner and number > runner.place:
            at_rest()
            if not _knows_all(runner, strategy):
                return False
            lane.guard(strategy.pk, number, _show_fills, runner, strategy)
        lane.evaluate(ticks.between(number - 1, number))
        if lane.signals or monotonic() > deadline:
            return False
    return True


def released(portfolio: Portfolio) -> bool:
    """Whether a strategy of the portfolio waited for its clock, which has moved now."""
    return bool(connection().srem(_waiting(portfolio), portfolio.pk))


def _knows_all(runner: Runner, strategy: models.Strategy) -> bool:
    """Whether all fills up to the runner's place are in the ledger; otherwise the portfolio is waited for."""
    if not _has_business(strategy):
        return True
    portfolio = strategy.portfolio
    connection().sadd(_waiting(portfolio), portfolio.pk)  # before the clock is read: no wake-up is missed
    clock = Portfolio.objects.values_list("clock", flat=True).get(pk=portfolio.pk)
    return clock >= runner.place


def _has_business(strategy: models.Strategy) -> bool:
    undecided = models.Signal.objects.filter(portfolio=strategy.portfolio_id, strategy=strategy, is_decided=False)
    working = Order.objects.filter(strategy=strategy, status=OrderStatus.OPEN)
    return undecided.exists() or working.exists() or _may_be_left(strategy)


def _may_be_left(strategy: models.Strategy) -> bool:
    """Whether an exit rule may order at any tick; what comes of an order is a position, so this is asked last."""
    held = Position.objects.filter(strategy=strategy, portfolio__is_watched=True)
    return held.exclude(quantity=0).exists()


def _show_fills(runner: Runner, strategy: models.Strategy) -> None:
    fills = Fill.objects.filter(strategy=strategy, tick__gt=runner.shown, tick__lte=runner.place)
    for row in fills.order_by("tick", "order__placed_tick", "order__placed_n", "n"):
        runner.on_fill(fill_value(row, runner.ordinal))
    runner.shown = runner.place


def _waiting(portfolio: Portfolio) -> str:
    return key("waiting", portfolio.market_id, portfolio.shard)

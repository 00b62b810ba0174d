"""What `test_backtest_oracle.py` does not reach: faults and strategies that see their fills."""

import gc
from contextlib import suppress
from decimal import getcontext
from uuid import UUID

import pytest

from strategies.backtest import Backtest
from strategies.base import Parameters, Strategy
from strategies.runner import Runner
from strategies.signal import Target
from tests.builders import decider, runner, ticks
from trading.order import OrderStatus, OrderType
from trading.ticks import Ticks

PRICES = ["100", "102", "99", "101", "97", "103"]


class Waiting(Strategy):
    """Buys deep below the market, then fails as it is told."""

    class Parameters(Parameters):
        error: type[BaseException] = RuntimeError

    def start(self):
        self.turn = 0

    def on_tick(self, _tick):
        self.turn += 1
        if self.turn == 3:
            raise self.parameters.error("lost")
        return Target(5, OrderType.LIMIT, limit_price=10)


class Reacting(Strategy):
    """Wants one share more than it was seen to get."""

    sees_fills = True

    def start(self):
        self.filled = 0

    def on_fill(self, fill):
        self.filled += fill.signed_quantity

    def on_tick(self, _tick):
        return self.filled + 1


class Choking(Reacting):
    def on_fill(self, fill):
        raise RuntimeError("no fills, please")


class Reckless(Strategy):
    """Changes how its process reckons."""

    def on_tick(self, _tick):
        getcontext().prec = 4
        return 7 if self.target == 0 else 0


def of(kind, ordinal=1, **parameters):
    return Runner(UUID(int=ordinal), ordinal, kind, kind.Parameters(**parameters))


def run(*runners):
    test = Backtest(list(runners), decider())
    test.run([Ticks.of(ticks(PRICES))])
    return test


def trades(test, ordinal):
    return [(f.tick, f.signed_quantity) for f in test.decider.book.fills if f.strategy == ordinal]


@pytest.mark.parametrize("error", [RuntimeError, SystemExit])
def test_a_strategy_that_raises_stops_with_its_reason(error):
    test = run(of(Waiting, error=error))
    assert test.faults == {1: (3, f"{error.__name__}: lost")}


def test_what_a_stopped_strategy_has_resting_is_cancelled():
    """Pitfall: a kill switch that left resting orders, which then filled again."""
    book = run(of(Waiting)).decider.book
    assert [(order.status, order.closed_tick) for order in book.closed] == [(OrderStatus.CANCELLED, 3)]
    assert list(book.working) == []


def test_the_others_go_on_as_if_nothing_had_happened():
    other = runner("momentum", 2, lookback=1)
    alone = runner("momentum", 2, lookback=1)
    assert trades(run(of(Waiting), other), 2) == trades(run(alone), 2) != []


def test_money_is_what_it_would_be_without_a_strategy_that_changes_how_its_process_reckons():
    reckless = run(of(Reckless)).decider.book
    assert getcontext().prec == 28
    spent = sum(fill.price * fill.signed_quantity + fill.charges.total for fill in reckless.fills)
    assert len(reckless.fills) == 5
    assert reckless.cash == reckless.starting_cash - spent


def test_a_fill_is_seen_from_the_next_tick_on():
    assert trades(run(of(Reacting)), 1) == [(2, 1), (4, 1), (6, 1)]
    assert [s.tick for s in run(of(Reacting)).signals] == [1, 3, 5]


def test_a_strategy_that_fails_on_its_fill_stops_and_the_others_go_on():
    test = run(of(Choking), runner("momentum", 2, lookback=1))
    assert test.faults == {1: (3, "RuntimeError: no fills, please")}
    assert trades(test, 2)


@pytest.mark.parametrize("batches", [[], [None]], ids=["all is well", "it fails"])
def test_cycles_are_looked_for_as_often_as_before_when_it_is_over(batches):
    before = gc.get_threshold()
    try:
        gc.set_threshold(701, 11, 12)
        with suppress(TypeError):
            Backtest([runner("momentum")], decider()).run(batches)
        assert (gc.get_threshold(), gc.get_freeze_count()) == ((701, 11, 12), 0)
    finally:
        gc.set_threshold(*before)

from decimal import Decimal

import pytest
from pydantic import ValidationError

from strategies.momentum import Momentum, MomentumParameters
from tests.builders import TCS, runner, tick, ticks
from trading.prices import Prices


def targets(prices, **parameters):
    """What a fresh strategy says at each price."""
    strategy = Momentum(MomentumParameters(**parameters))
    return [strategy.on_tick(tick) for tick in ticks(prices)]


def test_lookback_plus_one_prices_are_needed():
    """Pitfall: a window of n prices used as n−1 steps."""
    assert targets([100, 150, 200], lookback=2) == [None, None, 100]


def test_the_price_compared_with_is_exactly_lookback_ticks_ago():
    assert targets([90, 100, 105, 101], lookback=2, threshold="0.02") == [None, None, 100, None]


def test_a_rise_wants_long_and_a_fall_short():
    assert targets([100, 102, 99], lookback=1, quantity=7) == [None, 7, -7]


def test_without_short_a_fall_wants_flat():
    assert targets([100, 99, 97], lookback=1, allow_short=False) == [None, None, 0]


@pytest.mark.parametrize("price", ["101", "99"])
def test_a_move_of_exactly_the_threshold_changes_nothing(price):
    assert targets(["100", price], lookback=1) == [None, None]


@pytest.mark.parametrize(("price", "wanted"), [("101.0001", 100), ("98.9999", -100)])
def test_a_hair_more_than_the_threshold_is_enough(price, wanted):
    assert targets(["100", price], lookback=1) == [None, wanted]


@pytest.mark.parametrize("threshold", ["0.1", "0.07", "0.003"])
def test_the_threshold_is_the_decimal_that_was_written(threshold):
    """1.1 × 0.1 in floats would be more than 0.11."""
    start = Decimal("1.1000")
    assert targets([start, start * (1 + Decimal(threshold))], lookback=1, threshold=threshold)[-1] is None


def test_a_threshold_of_zero_ignores_a_flat_price():
    assert targets([100, 100, 100], lookback=1, threshold=0) == [None, None, None]


def test_two_flat_instruments_give_no_signal():
    """Pitfall: history kept per strategy, not per instrument: two flat instruments gave 27 false signals."""
    momentum, prices = runner("momentum", lookback=3), Prices()
    flat = [tick(n, 100) if n % 2 else tick(n, 3000, TCS) for n in range(1, 61)]
    assert [s for t in flat for s in momentum.on_tick(t, prices)] == []


def test_a_condition_that_holds_gives_one_signal():
    """Pitfall: a signal on every tick while a condition held (41 of 60): signals must be edges."""
    momentum, prices = runner("momentum", lookback=2), Prices()
    rising = ticks(Decimal(100) * Decimal("1.02") ** n for n in range(60))
    assert [s.tick for t in rising for s in momentum.on_tick(t, prices)] == [3]


def test_a_tick_without_volume_counts():
    """Pitfall: index ticks have no volume; a required field silently disabled every NIFTY strategy."""
    strategy = Momentum(MomentumParameters(lookback=1))
    assert [strategy.on_tick(tick(n, 100 + 5 * n, volume=0)) for n in (1, 2)] == [None, 100]


def test_a_gap_clears_the_prices_and_keeps_the_target():
    strategy = Momentum(MomentumParameters(lookback=1))
    strategy.target = 100
    strategy.on_tick(tick(1, 100))
    strategy.on_gap()
    assert (strategy.on_tick(tick(5, 200)), strategy.target) == (None, 100)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lookback": 0},
        {"lookback": 2.5},
        {"threshold": -1},
        {"threshold": "NaN"},
        {"threshold": "Infinity"},
        {"quantity": 0},
        {"loockback": 5},
    ],
)
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValidationError):
        MomentumParameters(**wrong)

"""Windows of small integers whose z can be worked by hand: prices P, mean M, sample deviation s."""

import pytest
from pydantic import ValidationError

from strategies.mean_reversion import MeanReversion, MeanReversionParameters
from tests.builders import runner, ticks
from trading.prices import Prices


def last_wanted(window, target=0, **parameters):
    """What a strategy that wants `target` says at the last price of a window that is just full."""
    given = {"lookback": len(window), "entry_z": "1", "exit_z": "0.5"} | parameters
    strategy = MeanReversion(MeanReversionParameters(**given))
    strategy.target = target
    return [strategy.on_tick(tick) for tick in ticks(window)][-1]


# [8, 10, 12]: M = 10, s² = 8 / 2 = 4, so z of the last price is (12 − 10) / 2 = 1 exactly.
@pytest.mark.parametrize("window", [[12, 10, 8], [8, 10, 12]])
def test_flat_does_not_enter_at_exactly_the_entry(window):
    assert last_wanted(window, entry_z="1") is None


@pytest.mark.parametrize(("window", "wanted"), [([12, 10, 8], 100), ([8, 10, 12], -100)])
def test_flat_enters_beyond_the_entry(window, wanted):
    assert last_wanted(window, entry_z="0.9999999999") == wanted


# [10, 11, 11, 11]: M = 10.75, s² = 0.75 / 3 = 0.25, so z = 0.25 / 0.5 = 0.5 exactly.
HALF_ABOVE = [[10, 11, 11, 11], ["100.05", "100.15", "100.15", "100.15"], [10, 12, 14, 15, 14]]
HALF_BELOW = [[11, 10, 10, 10], ["100.15", "100.05", "100.05", "100.05"], [15, 13, 11, 10, 11]]


@pytest.mark.parametrize("window", HALF_BELOW)
def test_long_stays_at_exactly_the_exit(window):
    assert last_wanted(window, target=100, exit_z="0.5") is None
    assert last_wanted(window, target=100, exit_z="0.5000000001") == 0


@pytest.mark.parametrize("window", HALF_ABOVE)
def test_short_stays_at_exactly_the_exit(window):
    assert last_wanted(window, target=-100, exit_z="0.5") is None
    assert last_wanted(window, target=-100, exit_z="0.5000000001") == 0


def test_long_leaves_only_when_the_price_is_back_and_short_likewise():
    assert last_wanted([12, 10, 8], target=100) is None
    assert last_wanted([8, 10, 12], target=100) == 0
    assert last_wanted([8, 10, 12], target=-100) is None
    assert last_wanted([12, 10, 8], target=-100) == 0


@pytest.mark.parametrize(("target", "window"), [(100, HALF_ABOVE[0]), (-100, HALF_BELOW[0])])
def test_a_negative_exit_waits_for_the_other_side_of_the_mean(target, window):
    assert last_wanted(window, target, exit_z="-0.5") is None
    assert last_wanted(window, target, exit_z="-0.4999999999") == 0


@pytest.mark.parametrize("target", [0, 100, -100])
def test_a_flat_price_gives_no_opinion(target):
    """Pitfall: RSI of a flat price was 100, so SELL with confidence 1.0 on every tick."""
    assert last_wanted([10] * 5, target) is None


def test_a_short_window_gives_no_opinion():
    strategy = MeanReversion(MeanReversionParameters(lookback=5, entry_z="0.1", exit_z=0))
    assert [strategy.on_tick(tick) for tick in ticks([10, 11, 12, 8])] == [None] * 4


def test_the_window_holds_the_present_price_once():
    """Pitfall: the current tick appended to history twice. Over [8, 12] z = 1/√2 = 0.7071…"""
    assert last_wanted([8, 12], entry_z="0.7071") == -100
    assert last_wanted([8, 12], entry_z="0.7072") is None


def test_without_short_a_high_price_is_left_alone():
    assert last_wanted([8, 10, 12], entry_z="0.9", allow_short=False) is None


def test_a_position_is_left_before_the_other_side_is_entered():
    reversion, prices = runner("mean_reversion", lookback=3, entry_z="0.9", exit_z="0.5"), Prices()
    found = [s for tick in ticks([12, 10, 8, 14, 20]) for s in reversion.on_tick(tick, prices)]
    assert [(s.tick, s.side, s.quantity, s.target) for s in found] == [
        (3, "BUY", 100, 100),
        (4, "SELL", 100, 0),
        (5, "SELL", 100, -100),
    ]


def test_a_condition_that_holds_gives_one_signal():
    """Pitfall: a signal on every tick while a condition held (41 of 60): signals must be edges."""
    reversion, prices = runner("mean_reversion", lookback=3, entry_z="0.9"), Prices()
    falling = ticks(range(100, 40, -1))
    assert [s.tick for tick in falling for s in reversion.on_tick(tick, prices)] == [3]


@pytest.mark.parametrize(
    "wrong",
    [{"lookback": 1}, {"entry_z": 0}, {"entry_z": "NaN"}, {"exit_z": 2}, {"exit_z": "3"}, {"quantity": -5}],
)
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValidationError):
        MeanReversionParameters(**wrong)

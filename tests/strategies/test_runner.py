import json
from decimal import Decimal
from uuid import UUID

import pytest

from strategies.base import Parameters, Strategy
from strategies.marked import Marked
from strategies.runner import MAX_SIGNALS_PER_TICK, Runner
from strategies.signal import Target
from tests.builders import NAMESPACE, SBIN, TCS, runner, rupees, tick, ticks
from trading.instrument import Instrument
from trading.order import OrderType, Terms
from trading.prices import Prices

HDFC = Instrument(3, "HDFCBANK", Decimal("0.05"))


class Told(Strategy):
    """Wants what it is told to want at each tick of an instrument."""

    def start(self):
        self.turn = 0

    def on_tick(self, _tick):
        self.turn += 1
        return self.parameters.wants[self.turn - 1]


class ToldParameters(Parameters):
    wants: list[object]


def told(*wants, **more):
    return Runner(UUID(int=1), 3, Told, ToldParameters(wants=list(wants)), **more)


def run(a_runner, some_ticks):
    prices, found = Prices(), []
    for one in some_ticks:
        prices.update(one)
        found += a_runner.on_tick(one, prices)
    return found


def shape(signals):
    return [(s.tick, s.n, s.side.value, s.quantity, s.target) for s in signals]


def test_signals_are_edges_of_the_target():
    """Pitfall: HOLD executed as SELL; a signal on every tick while a condition held."""
    found = run(told(None, 5, 5, None, -5, 0, 0), ticks([10] * 7))
    assert shape(found) == [(2, 0, "BUY", 5, 5), (5, 0, "SELL", 10, -5), (6, 0, "BUY", 5, 0)]


def test_a_signal_tells_what_its_tick_knew():
    (found,) = run(told(None, Target(5, reason="why", confidence=0.5)), ticks(["10.05", "10.10"]))
    assert (found.strategy, found.instrument, found.price_e4, found.previous_e4) == (
        3,
        SBIN,
        101_000,
        100_500,
    )
    assert (found.marks, found.reason, found.confidence) == ({SBIN.id: 101_000}, "why", 0.5)


def test_the_first_tick_of_an_instrument_has_no_price_before_it():
    assert run(told(5), ticks([10]))[0].previous_e4 is None


def test_each_instrument_has_a_target_and_a_history_of_its_own():
    """Pitfall: history kept per strategy, not per instrument."""
    found = run(told(5, 0), [tick(1, 10), tick(2, 20, TCS), tick(3, 10), tick(4, 20, TCS)])
    assert [(s.instrument.symbol, s.target) for s in found] == [
        ("SBIN", 5),
        ("TCS", 5),
        ("SBIN", 0),
        ("TCS", 0),
    ]


def test_several_targets_at_one_tick_are_numbered():
    found = run(told([Target(5), Target(5), Target(8, OrderType.LIMIT, limit_price=9)]), ticks([10]))
    assert shape(found) == [(1, 0, "BUY", 5, 5), (1, 1, "BUY", 3, 8)]
    assert found[1].terms == Terms(OrderType.LIMIT, rupees(9))


def test_the_same_tick_always_gives_the_same_ids():
    first, again = (run(told([5, 6]), ticks([10])) for _ in range(2))
    assert [s.id for s in first] == [s.id for s in again]
    assert len({s.id for s in first}) == 2


@pytest.mark.parametrize("wants", [True, 1.5, "5", {"position": 5}, [5, None], list(range(MAX_SIGNALS_PER_TICK + 1))])
def test_nonsense_is_an_error_and_changes_no_target(wants):
    """Pitfall: HOLD executed as SELL: what is not understood is never guessed."""
    runner_of_nonsense = told(wants)
    with pytest.raises(ValueError, match="target"):
        run(runner_of_nonsense, ticks([10]))
    assert runner_of_nonsense.targets()["1"]["target"] == 0


def test_a_restored_runner_goes_on_as_if_nothing_had_happened():
    prices = ["100", "102", "101", "99", "96", "99", "103"]
    whole, first, second = (runner("momentum", lookback=2) for _ in range(3))
    before, after = ticks(prices)[:4], ticks(prices)[4:]
    halves = shape(run(first, before))
    second.load(json.loads(json.dumps(first.dump())))
    assert halves + shape(run(second, after)) == shape(run(whole, ticks(prices)))


def test_another_version_takes_over_the_targets_only():
    old, new = runner("momentum", lookback=1), runner("mean_reversion", lookback=2)
    run(old, ticks(["100", "102"]))
    new.load_targets(old.dump())
    assert {name: new.dump()["1"][name] for name in ("target", "prices")} == {"target": 100, "prices": []}


def test_marks_are_those_that_the_portfolio_may_hold():
    marked = Marked()
    marked.add([SBIN.id])
    prices = Prices()
    for one in (tick(1, 10), tick(2, 20, TCS), tick(3, 30, HDFC)):
        prices.update(one)
    (found,) = told(5, marked=marked).on_tick(tick(4, 20, TCS), prices)
    assert found.marks == {SBIN.id: rupees(10), TCS.id: rupees(20)}
    (found,) = told(5, marked=marked).on_tick(tick(5, 30, HDFC), prices)
    assert set(found.marks) == {SBIN.id, TCS.id, HDFC.id}


def test_who_is_behind_the_others_makes_all_prices_marks():
    marked = Marked()
    told().join(marked)
    assert marked.with_own(1).instruments.tolist() == [1]
    behind = told()
    behind.sees_fills = True
    behind.join(marked)
    assert marked.with_own(1) is None


class Flips(Strategy):
    """Turns around at every tick."""

    def on_tick(self, tick):
        return 1 - self.target


def test_more_signals_than_a_second_of_market_time_may_have_are_a_fault():
    mad = Runner(NAMESPACE, 1, Flips, Flips.Parameters())
    with pytest.raises(ValueError, match="more than 100 signals within a second"):
        run(mad, [tick(number, 10, seconds=1) for number in range(1, 102)])

"""Quiet states are saved a few at a time; loading in the middle of a round gives what an undisturbed run gives."""

from collections import deque

import pytest

from strategies import evaluation
from strategies.base import Strategy
from strategies.lane import Lane
from strategies.models import Control, Shard, StrategyState
from strategies.moved import Behind
from strategies.round import Round
from tests.builders import SBIN, TCS, runner, tick, ticks
from tests.pipeline.driver import Replay, bars, expected
from trading.order import OrderStatus
from trading.prices import Prices
from trading.ticks import Ticks

OPTIONS = {
    "strategy": ["momentum", "momentum", "mean_reversion"],
    "param": ["momentum.threshold=0.003", "momentum.lookback=5", "mean_reversion.lookback=8"],
}


@pytest.fixture
def replay(tmp_path, redis, settings):
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS, settings.SHARD_SAVE_STATES = 7, 0.0, 1
    return Replay.of([bars(tmp_path / "SBIN.csv", 5, minutes=60)], **OPTIONS)


@pytest.mark.django_db(transaction=True)
def test_worker_that_dies_within_a_round_changes_nothing(replay, tmp_path):
    lags = set()
    for turn in range(25):
        for stage in (replay.ingest, replay.evaluate, replay.decide, replay.execute):
            stage()
        if turn % 5 == 0:
            replay.forget()
        row = Shard.objects.get(market=replay.portfolio.market)
        lags.add(row.seen - row.saved)
        assert all(place >= row.saved for place in StrategyState.objects.values_list("place", flat=True))
    replay.drain()
    assert replay.hash == expected([tmp_path / "SBIN.csv"], **OPTIONS)["ledger_hash"]
    assert len(lags) > 1  # some of it was read again


@pytest.mark.django_db(transaction=True)
def test_a_replay_that_is_through_is_not_loaded_for_a_late_wake_up(replay):
    replay.drain()
    loaded = Shard.objects.get(market=replay.portfolio.market).epoch
    replay.evaluate()
    assert Shard.objects.get(market=replay.portfolio.market).epoch == loaded


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_fast", [False, True])
def test_a_state_that_breaks_at_the_end_of_a_replay_is_told_before_the_end(tmp_path, redis, settings, is_fast):
    """Who is told of the end first, matches to it and is never woken for the quarantine: its orders rested for ever."""
    settings.USER_STRATEGIES, settings.SHARD_SAVE_SECONDS = [f"{__name__}.Breaks"], 60.0
    files = [bars(tmp_path / "SBIN.csv", 1, minutes=3)]
    replay = Replay.of(files, strategy=["breaks"], param=[], latency_ms="100000000")
    others = (replay.decide, replay.execute)
    replay.ingest()
    behind = Behind(lambda _: [stage() for stage in others if is_fast])
    evaluation.evaluate(replay.portfolio.market_id, replay.portfolio.shard, 5, behind)
    replay.drain()
    assert replay.portfolio.orders.get().status == OrderStatus.CANCELLED
    assert Control.objects.get(strategy__portfolio=replay.portfolio, kind=Control.Kind.QUARANTINE).is_settled


class Breaks(Strategy):
    """Wants ten, and has a state that cannot be kept after two ticks."""

    count = 0

    def on_tick(self, _tick):
        self.count += 1
        return None if self.target else 10

    def dump(self):
        if self.count > 2:
            raise ValueError("cannot be kept")
        return super().dump()


def test_a_part_ends_with_the_strategy_that_fills_it():
    runners = {number: runner("momentum", number, lookback=2) for number in (1, 2, 3)}
    for each in runners.values():
        each.on_tick(ticks(["100"])[0], Prices())
    a_round = Round(0, "", deque([1, 9, 2, 3]))
    assert [a_round.part(runners, 2), a_round.part(runners, 2), a_round.waiting] == [{1, 2}, {3}, deque()]


def test_states_in_a_panel_fill_a_part_more_slowly():
    shown = runner("momentum", lookback=2)
    batch = Ticks.of([tick(number, 100, instrument) for number, instrument in enumerate([SBIN, TCS] * 20, start=1)])
    Lane(runners={1: shown}).evaluate(batch)
    assert shown.size == 1
    shown.on_tick(tick(41, 100, SBIN), Prices())
    assert shown.size == 2

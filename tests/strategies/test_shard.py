"""What a shard tells others, and when it saves everything anew."""

from time import monotonic
from uuid import UUID

import pytest

from strategies import models
from strategies.lane import Lane
from strategies.runner import Runner
from strategies.saving import SAVED_PART, is_round_due, states_at_once
from strategies.shard import Shard
from strategies.suspects import Notebook
from tests.pipeline.live import WantsTen
from trading.models import Market


@pytest.fixture
def shard(tmp_path) -> Shard:
    row = models.Shard(market=Market(kind=Market.Kind.MOCK))
    return Shard(row, is_replay=False, main=Lane(), notebook=Notebook(tmp_path, "shard"))


def test_ticks_are_told_again_when_the_lane_that_was_behind_is_gone(shard):
    """An order that waited for a tick which only the lane ahead had seen would not have been looked at."""
    shard.main = Lane(50, ticked={7})
    shard.own[1] = Lane(20)
    assert shard.take_moved().ticked == {7}
    shard.remove(1)
    assert [shard.take_moved().ticked, shard.take_moved().ticked] == [{7}, set()]


@pytest.mark.parametrize(
    ("round_seconds", "is_due"), [(0.0, True), (2.5 / SAVED_PART, True), (4.0 / SAVED_PART, False)]
)
def test_a_round_that_took_long_makes_the_next_one_wait(shard, settings, round_seconds, is_due):
    settings.SHARD_SAVE_SECONDS = 1.0
    shard.round_seconds, shard.saved_at = round_seconds, monotonic() - 3
    assert is_round_due(shard) is is_due


@pytest.mark.parametrize(
    ("is_replay", "width", "seen", "is_due"),
    [
        (False, 36, 100, False),
        (False, 36, 101, True),
        (True, 36, 375, False),
        (True, 36, 376, True),
        (True, 360, 37, False),
        (True, 360, 38, True),
    ],
)
def test_a_log_never_fills_up_behind_what_is_saved(shard, settings, is_replay, width, seen, is_due):
    settings.LOG_KEEP_TICKS, settings.REPLAY_KEEP_BYTES, settings.SHARD_SAVE_SECONDS = 200, 500 * 36, 1e6
    shard.is_replay, shard.width, shard.main.place = is_replay, width, seen
    assert is_round_due(shard) is is_due


def test_a_replay_does_not_run_further_than_who_is_asked_tick_by_tick_could_be_tried_alone(shard, settings):
    settings.LOG_KEEP_TICKS, settings.SHARD_SAVE_SECONDS = 200, 1e6
    shard.is_replay, shard.main.place, shard.saved_at = True, 101, monotonic()
    assert not is_round_due(shard)
    shard.main.runners = {1: Runner(UUID(int=1), 0, WantsTen, WantsTen.Parameters())}
    assert is_round_due(shard)


@pytest.mark.parametrize(("is_replay", "seconds", "is_due"), [(True, 11, True), (True, 9, False), (False, 11, False)])
def test_a_replay_waits_for_its_saving_no_longer_than_seems_alive(shard, settings, is_replay, seconds, is_due):
    settings.SHARD_SAVE_SECONDS = 1.0
    shard.is_replay, shard.round_seconds, shard.saved_at = is_replay, 5.0, monotonic() - seconds
    assert is_round_due(shard) is is_due


@pytest.mark.parametrize(("is_replay", "seen", "expected"), [(False, 100, 3), (False, 101, 70), (True, 100, 70)])
def test_few_states_are_saved_at_once_where_ticks_come_live(shard, settings, is_replay, seen, expected):
    """Unless the log would fill up behind what is saved."""
    settings.LOG_KEEP_TICKS, settings.SHARD_SAVE_STATES, settings.SHARD_SAVE_STATES_LIVE = 200, 70, 3
    shard.is_replay, shard.main.place = is_replay, seen
    assert states_at_once(shard) == expected

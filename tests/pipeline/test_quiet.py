"""Ticks that nobody seems to wait for are told with the next news, a moment later at most."""

from uuid import uuid4

import pytest

from alphapanda import handover
from alphapanda.handover import QUIET_SECONDS, Handover
from strategies import evaluation
from strategies.moved import Behind, Moved
from tests.pipeline.live import House, soon
from trading.markets import is_replay
from trading.models import Market

pytestmark = pytest.mark.django_db(transaction=True)
NOTHING = Moved({}, set(), 0, 0)


@pytest.fixture
def house(redis, settings) -> House:
    settings.USER_STRATEGIES = ["tests.pipeline.live.WantsTen", "tests.pipeline.test_lingering.Watcher"]
    return House(redis)


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """Seconds, which pass where a test says so."""
    now = [1_000.0]
    monkeypatch.setattr(handover, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def shard(house, clock) -> Handover:
    return Handover(house.market.pk, house.portfolio.shard)


def told(house, instruments) -> list[tuple[int, set[int]]]:
    """Places, and what had ticked up to there since the last one, at one tick a look; nobody waits for any."""
    coming, found = list(instruments), []

    def more(_=None) -> bool:
        if coming:
            house.append(coming.pop(0))
        return False

    def committed(moved) -> bool:
        if moved.seen:
            found.append((moved.seen, moved.ticked))
            more()
        return False

    more()
    assert not evaluation.evaluate(house.market.pk, house.portfolio.shard, 60.0, Behind(committed, waits=more))
    return found


def test_a_signal_is_told_at_once_and_what_had_ticked_before_with_it(house):
    other, traded = house.other, house.traded
    assert told(house, [other, traded, other]) == [(2, {other.id, traded.id}), (3, {other.id})]


def test_a_strategy_that_may_wait_for_its_fills_is_told_of_all(house):
    house.add("watcher", house.traded)
    assert told(house, [house.other, house.other]) == [(1, {house.other.id}), (2, {house.other.id})]


def test_what_is_left_is_told_when_nothing_more_comes(house):
    assert told(house, [house.other, house.other]) == [(2, {house.other.id})]


def test_who_was_never_told_or_not_lately_is(house, shard, clock):
    assert shard.waits(set())
    shard.hand_on(NOTHING)
    assert not shard.waits({house.traded.id})
    clock[0] += QUIET_SECONDS * 1.01
    assert shard.waits(set())


def test_who_waits_for_what_has_ticked_is_told(house, shard):
    house.append(house.traded)
    house.run()
    shard.hand_on(NOTHING)
    assert (shard.waits({house.traded.id}), shard.waits({house.other.id})) == (True, False)


@pytest.mark.parametrize("is_on_time", [True, False])
def test_who_was_just_worked_on_may_wait_for_something_else(house, shard, is_on_time):
    shard.hand_on(Moved({house.portfolio.pk: uuid4()}, set(), 1, soon() if is_on_time else 1))
    assert shard.waits(set()) is is_on_time


def test_in_a_replay_all_wait(house, shard):
    shard.hand_on(NOTHING)
    Market.objects.update(kind=Market.Kind.REPLAY)
    is_replay.cache_clear()
    assert shard.waits(set())

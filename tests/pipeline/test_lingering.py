"""A shard of a live market stays for the next ticks while nobody else waits for its worker."""

from unittest.mock import Mock, call
from uuid import uuid4

import pytest

from alphapanda import at_once, pipeline
from alphapanda.handover import Handover
from strategies import evaluation
from strategies.base import Strategy
from strategies.models import Shard
from strategies.moved import Behind, Moved
from strategies.seen import seen_by
from tests.pipeline.live import House, soon
from trading.log import MarketLog
from trading.recent import recent

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 60.0


class Watcher(Strategy):
    sees_fills = True

    def on_tick(self, tick):
        return None


class Waiter(Strategy):
    """Waits for its first fill."""

    sees_fills = True

    def on_tick(self, tick):
        return 10


@pytest.fixture
def house(redis, settings) -> House:
    settings.USER_STRATEGIES = ["tests.pipeline.live.WantsTen", f"{__name__}.Watcher", f"{__name__}.Waiter"]
    return House(redis)


def evaluate(house, committed) -> bool:
    return evaluation.evaluate(house.market.pk, house.portfolio.shard, LONG, Behind(committed))


def seen(house) -> int:
    return seen_by(house.market.pk, house.portfolio.shard)


def test_ticks_that_come_meanwhile_need_no_message(house):
    coming = [house.other, house.traded, house.other]

    def nobody_waits(_) -> bool:
        if coming:
            house.append(coming.pop())
        return False

    house.tick(house.other)
    house.append(house.other)
    assert not evaluate(house, nobody_waits)
    assert (seen(house), house.portfolio.signals.get().tick) == (5, 4)


def test_it_gives_way_to_others_and_says_what_it_leaves(house):
    def others_wait(_) -> bool:
        house.append(house.other)
        return True

    house.tick(house.other)
    house.append(house.other)
    assert evaluate(house, others_wait)
    assert seen(house) == 2


@pytest.mark.parametrize("has_strategies", [True, False])
def test_a_shard_without_strategies_comes_behind_the_others(house, monkeypatch, has_strategies):
    naps = Mock(wraps=evaluation.sleep)
    monkeypatch.setattr(evaluation, "sleep", naps)
    shard = house.portfolio.shard if has_strategies else 1 - house.portfolio.shard
    house.tick(house.other)
    house.append(house.other)
    assert not evaluation.evaluate(house.market.pk, shard, LONG, Behind(lambda _: None))
    assert (call(evaluation.LATER_SECONDS) in naps.mock_calls) is not has_strategies
    assert seen_by(house.market.pk, shard) == 2


def test_who_waits_for_fills_is_not_stayed_for(house, monkeypatch):
    house.add("watcher", house.traded)
    house.tick(house.other)
    house.append(house.other)
    monkeypatch.setattr(MarketLog, "await_entries", lambda *_: pytest.fail("it stays"))
    assert not evaluate(house, lambda _: False)
    assert seen(house) == 2


def test_what_a_slower_lane_reads_again_takes_nothing_from_what_is_at_hand(house):
    house.add("waiter", house.traded)
    for _ in range(3):
        house.tick(house.traded)
    assert (seen(house), house.log.tail()) == (1, 3)
    known = recent((house.market.pk, house.portfolio.shard), 0, 3) or ()
    assert [(entry.first, entry.last) for entry in known] == [(1, 1), (2, 2), (3, 3)]


def test_whoever_loads_a_shard_knows_nothing_of_what_another_has_read(house):
    house.tick(house.other)
    house.tick(house.other)
    place = house.market.pk, house.portfolio.shard
    assert recent(place, 1, 2)
    Shard.objects.filter(market=house.market).update(saved=2)
    evaluation._held.clear()
    house.tick(house.other)
    assert recent(place, 1, 3) is None
    assert recent(place, 2, 3)


def test_what_was_waited_for_is_no_answer_to_who_reads_from_elsewhere(house, redis):
    log = MarketLog(redis, house.market.pk)
    house.append(house.other)
    house.append(house.other)
    log.await_entries(0, 10, 0.1)
    assert [entry.last for entry in log.read(1)] == [2]
    assert [entry.last for entry in log.read(0)] == [1, 2]


def test_others_are_those_beside_its_own_message(redis):
    mine, other = uuid4(), uuid4()
    pipeline.wake_shard(mine, 0)
    assert (others_wait(mine), others_wait(other)) == (False, True)
    pipeline.wake_shard(other, 0)
    assert (others_wait(mine), others_wait(other)) == (True, True)


def test_who_comes_while_a_portfolio_is_worked_on_is_not_kept_waiting(house, monkeypatch):
    other, place = uuid4(), (house.market.pk, house.portfolio.shard)
    monkeypatch.setattr(at_once, "SLOW_SECONDS", 60.0)
    monkeypatch.setattr("risk.services.decide", lambda *_, **__: pipeline.wake_shard(other, place[1]))
    assert Handover(*place).hand_on(Moved({house.portfolio.pk: uuid4()}, set(), 1, soon()))


def others_wait(market) -> bool:
    return Handover(market, 0).hand_on(Moved({}, set(), seen=0, arrival=0))


@pytest.mark.parametrize(("took", "rest"), [(0.001, 0.002), (0.002, 0.004), (0.003, 0.006), (0.008, 0.002), (0.02, 0)])
def test_evaluating_takes_a_third_of_the_time_at_most_and_comes_every_10_ms_at_least(took, rest):
    assert evaluation._rest(took, took) == pytest.approx(rest)


def test_what_was_done_after_a_look_is_part_of_its_rest():
    assert evaluation._rest(0.002, 0.004) == pytest.approx(0.002)
    assert evaluation._rest(0.004, 0.02) == 0

"""The chain of a signal goes as far as there is something to do: never further, never less far."""

import os
import subprocess
import sys
from socket import gethostname
from unittest.mock import Mock

import pytest
from django.db import transaction

from alphapanda.connection import PREFIX, key, reply
from alphapanda.pipeline import is_to_match, shard_queue, sweep, wake_working
from risk import services
from risk.services import halt
from risk.tasks import decide
from strategies.models import Control, Shard, Strategy
from strategies.seen import forget_seen, seen_by
from strategies.services import quarantine, stop
from tests.pipeline.driver import Replay, bars
from tests.pipeline.live import House
from trading.awaited import hint_of, hints_in, hints_of, may_match
from trading.log import LogGapError
from trading.order import OrderStatus
from trading.progress import LATE_TICKS, behind
from trading.recent import recent
from trading.tasks import execute

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house(redis, settings) -> House:
    settings.USER_STRATEGIES = ["tests.pipeline.live.WantsTen"]
    return House(redis)


def test_what_was_ordered_waits_for_its_next_tick(house):
    house.tick(house.traded)
    house.tick(house.other)
    assert not house.goes_on()
    assert house.portfolio.orders.get().status == OrderStatus.OPEN
    house.portfolio.refresh_from_db()
    assert house.portfolio.clock == 2


def test_a_tick_is_matched_that_came_before_anybody_knew_who_waits_for_it(house):
    house.tick(house.traded)
    house.tick(house.traded)
    services.decide(house.portfolio.pk, 1)
    assert is_to_match(house.portfolio.pk)


def test_it_is_matched_too_where_redis_has_lost_how_far_its_shard_is(house):
    house.tick(house.traded)
    services.decide(house.portfolio.pk, 1)
    house.tick(house.traded)
    Shard.objects.filter(market=house.market).update(seen=2)
    forget_seen(house.market.pk)
    assert is_to_match(house.portfolio.pk)


def test_a_tick_that_its_shard_has_not_seen_yet_is_left_to_that(house):
    house.tick(house.traded)
    house.append(house.traded)
    assert not house.goes_on()
    house.run()
    assert house.portfolio.orders.get().status == OrderStatus.COMPLETE


def test_nothing_follows_what_orders_nothing(house):
    assert not house.goes_on()
    house.tick(house.traded)
    halt(None, house.portfolio, "now")
    assert not house.goes_on()
    assert house.portfolio.decisions.get().approved is False


def test_matching_is_not_sent_where_deciding_waits_which_matches_too(house, redis):
    place = PREFIX + "execution"
    redis.set(key("wake", f"decide:{house.portfolio.pk}"), 1)
    wake_working(house.portfolio.pk)
    assert not redis.exists(place)
    redis.delete(key("wake", f"decide:{house.portfolio.pk}"))
    wake_working(house.portfolio.pk)
    assert redis.exists(place)


def test_a_strategy_that_waited_for_its_fills_is_woken_where_the_chain_ends(house, redis):
    house.tick(house.traded)
    place = (house.market.pk, house.portfolio.shard)
    redis.sadd(key("waiting", *place), house.portfolio.pk)
    assert not house.goes_on()
    assert redis.llen(PREFIX + shard_queue(house.portfolio.shard)) == 1
    assert not redis.exists(key("waiting", *place))


@pytest.mark.parametrize("hint", [b'{"instruments":[1],"is_watched":false}', b"nonsense"])
def test_a_hint_that_another_version_has_left_stops_nobody(house, redis, hint):
    house.tick(house.traded)
    house.goes_on()
    redis.hset(key("awaited", house.market.pk, house.portfolio.shard), str(house.portfolio.pk), hint)
    assert house.goes_on()
    hints = hints_of(reply(hints_in(house.market.pk, house.portfolio.shard)))
    assert hints[house.portfolio.pk].waits_for(set())


def test_the_sweep_wakes_who_waits_for_what_has_ticked_whatever_the_hints_say(house, redis):
    house.tick(house.traded)
    assert not house.goes_on()
    redis.delete(key("awaited", house.market.pk, house.portfolio.shard))
    house.tick(house.other)
    assert not is_swept(redis)
    house.tick(house.traded)
    assert is_swept(redis)


@pytest.mark.parametrize(("late", "is_woken"), [(LATE_TICKS // 2 - 10, False), (LATE_TICKS // 2 + 10, True)])
def test_the_sweep_leaves_no_clock_too_far_behind(house, redis, late, is_woken):
    """Where nothing that is waited for ticks, the log goes on, and its end is cut off."""
    house.tick(house.traded)
    assert not house.goes_on()
    Shard.objects.filter(market=house.market).update(seen=late)
    assert is_swept(redis) is is_woken


def test_the_sweep_wakes_who_waits_when_redis_knows_no_prices(house, redis):
    house.tick(house.traded)
    assert not house.goes_on()
    house.tick(house.other)
    redis.delete(key("last", house.market.pk))
    assert is_swept(redis)


@transaction.atomic
def condemn(strategy) -> None:
    quarantine(strategy.pk, 3, "it failed")


@pytest.mark.parametrize(("from_tick", "is_due"), [(3, True), (4, False)])
def test_a_strategy_ends_before_the_tick_behind_the_last_one_seen(house, from_tick, is_due):
    house.tick(house.traded)
    assert not house.goes_on()
    stop(Strategy.objects.get())
    Control.objects.filter(from_tick=None).update(from_tick=from_tick)
    house.tick(house.other)
    late = behind(house.market, house.portfolio.shard, 2)
    assert late == ({house.portfolio.pk: False} if is_due else {})


@pytest.mark.parametrize("end", [stop, condemn])
def test_the_sweep_cancels_what_a_stopped_strategy_has_resting_in_a_quiet_instrument(house, redis, end):
    house.tick(house.traded)
    assert not house.goes_on()
    end(Strategy.objects.get())
    Control.objects.filter(from_tick=None).update(from_tick=3)
    for _ in range(3):
        house.tick(house.other)
    assert is_swept(redis)
    execute.run(house.portfolio.pk)
    assert house.portfolio.orders.get().status == OrderStatus.CANCELLED
    redis.delete(key("wake", f"execute:{house.portfolio.pk}"))
    house.tick(house.other)
    assert not is_swept(redis)


@pytest.mark.parametrize("stage", [decide, execute])
def test_a_chain_ends_where_the_log_must_be_read_again_first(house, monkeypatch, stage):
    house.tick(house.traded)
    for service in ("risk.services.decide", "trading.services.execute"):
        monkeypatch.setattr(service, Mock(side_effect=LogGapError))
    assert stage.run(house.portfolio.pk) is False


@pytest.mark.parametrize(("holder", "is_woken"), [("nobody", True), ("alive", False), ("dead", True)])
def test_the_sweep_wakes_ingest_where_nobody_feeds_the_market(house, redis, holder, is_woken):
    house.log.release("me")
    if holder != "nobody":
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        house.log.acquire(f"{gethostname()}:{ended.pid if holder == 'dead' else os.getpid()}:1")
    sweep()
    assert redis.llen(PREFIX + "ingest") == is_woken


def is_swept(redis) -> bool:
    redis.delete(PREFIX + "execution")
    sweep()
    return bool(redis.llen(PREFIX + "execution"))


@pytest.fixture
def replay(redis, tmp_path) -> Replay:
    return Replay.of([bars(tmp_path / "SBIN.csv", 1, 2_000)], strategy=["momentum"], param=["momentum.threshold=0"])


def test_the_clock_of_a_replay_goes_on_where_deciding_has_not_moved_it(redis, tmp_path):
    replay = Replay.of([bars(tmp_path / "SBIN.csv", 1)])
    replay.begin()
    assert decide.run(replay.portfolio.pk)


def test_what_a_replay_has_read_is_not_kept_for_it_is_never_matched_at_once(replay):
    replay.begin()
    assert recent((replay.portfolio.market_id, replay.portfolio.shard), 0, 1) is None


def test_no_matching_follows_a_deciding_that_came_as_far_as_there_are_ticks(replay):
    replay.begin()
    assert not decide.run(replay.portfolio.pk)
    replay.portfolio.refresh_from_db()
    assert 0 < replay.portfolio.clock < replay.portfolio.market.last_tick
    replay.ingest()
    replay.evaluate()
    place = replay.portfolio.market_id, replay.portfolio.shard
    assert may_match(replay.portfolio.pk, reply(hint_of(replay.portfolio.pk)), seen_by(*place))


def test_at_the_end_of_a_replay_the_chain_goes_on_to_its_valuation(replay):
    replay.drain()
    assert decide.run(replay.portfolio.pk)

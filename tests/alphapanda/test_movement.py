"""Feeds, shards, clocks and replays that stand still are red until they move again."""

from datetime import timedelta
from time import time

import pytest
from django.utils import timezone

from alphapanda import movement
from alphapanda.connection import connection, key
from portfolio.models import Portfolio
from strategies.models import Shard, Signal
from tests import rows
from tests.wellness import FAR, failing, long_log, make_well, replay, tick
from trading.models import Market, Order

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _well(redis, settings, tmp_path):
    make_well(settings, tmp_path)


def test_a_market_without_ticks_is_red_until_the_next_tick():
    Market.objects.update(created_at=timezone.now() - timedelta(days=1))
    tick(ago=20)
    assert failing() == {"feeds": "no tick for N s; is the worker of queue ingest running? (mock)"}
    tick()
    assert failing() == {}


def test_a_new_market_has_a_moment_for_its_first_tick(redis):
    redis.delete(key("last", rows.market().pk))
    assert failing() == {}
    Market.objects.update(created_at=timezone.now() - timedelta(seconds=30))
    assert "no tick for N s" in failing()["feeds"]


def test_a_market_with_a_fault_is_named_with_its_reason():
    market = replay(fault="spool /x is gone")
    assert failing() == {"feeds": "replay of asha: spool /x is gone"}
    Market.objects.filter(pk=market.pk).update(fault="")
    assert failing() == {}


def test_a_shard_that_is_far_behind_the_log_is_red_until_it_has_caught_up():
    shard = Shard.objects.create(market=rows.market(), number=1)
    long_log(shard.market)
    assert failing() == {"shards": f"a shard is {FAR} ticks behind; is its worker running? (mock/1)"}
    Shard.objects.update(seen=FAR)
    assert failing() == {}


def test_a_replay_may_have_a_backlog_but_must_move():
    market = replay()
    shard = Shard.objects.create(market=market, number=0)
    Portfolio.objects.filter(pk=rows.portfolio(rows.user()).pk).update(market=market, clock=5)
    long_log(market)
    movement.note_replays()
    assert failing() == {}
    connection().set(key("moved", market.pk), f"0:{time() - 40}")
    movement.note_replays()
    assert failing() == {"shards": "a replay has not moved for N s at tick 0 (replay of asha)"}
    Shard.objects.filter(pk=shard.pk).update(saved=3)
    assert failing() == {}
    movement.note_replays()
    assert failing() == {}


def test_undecided_signals_are_red_until_they_are_decided():
    made = rows.traded(rows.strategy(rows.portfolio(rows.user())))
    Signal.objects.filter(pk=made.signal.pk).update(is_decided=False, created_at=timezone.now() - timedelta(seconds=20))
    assert failing() == {"clocks": "signals wait for more than N s; is the worker of queue risk running? (demo)"}
    Signal.objects.update(is_decided=True)
    assert failing() == {}


def test_a_clock_that_is_far_behind_with_a_working_order_is_red():
    by = rows.strategy(rows.portfolio(rows.user()))
    rows.traded(by, status="OPEN")
    Shard.objects.create(market=rows.market(), number=0, seen=FAR)
    assert failing() == {"clocks": f"a clock is {FAR} ticks behind; is the worker of queue execution running? (demo)"}
    Order.objects.update(status="COMPLETE")
    assert failing() == {}

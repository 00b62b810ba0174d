"""Whoever was replaced writes nothing; doing a thing twice is a no-op."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
from django.db import DataError, transaction
from django.db import connection as database
from msgspec.structs import replace

from alphapanda.errors import FencedError
from alphapanda.lease import only_one
from alphapanda.statements import write
from portfolio.models import Portfolio
from risk import services as risk
from risk.models import Decision
from strategies import evaluation, saving
from strategies.loading import notes_folder, take_over
from strategies.models import Shard, Signal, StrategyState
from strategies.moved import Behind
from tests.pipeline.driver import Replay, bars
from trading import services as trading
from trading.ingest import ingest, open_source
from trading.log import MarketLog
from trading.models import Market
from trading.reference import INSTRUMENTS
from trading.sequencer import Sequencer
from trading.ticks import Ticks

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def replay(tmp_path, redis, settings) -> Replay:
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = 40, 0.0
    return Replay.of([bars(tmp_path / "HDFCBANK.csv", 4, 60)])


def test_shard_that_was_taken_over_commits_nothing(replay, redis):
    replay.begin()
    zombie = take_over(replay.portfolio.market_id, replay.portfolio.shard, MarketLog(redis, replay.portfolio.market_id))
    replay.ingest()
    replay.evaluate(5)
    signals = replay.portfolio.signals.count()
    with pytest.raises(FencedError):
        evaluation._step(zombie, MarketLog(redis, replay.portfolio.market_id), monotonic() + 5, Behind(lambda _: None))
    assert replay.portfolio.signals.count() == signals > 0


def test_what_the_ledger_cannot_store_is_not_taken_for_a_fence(replay, redis):
    replay.begin()
    shard = take_over(replay.portfolio.market_id, replay.portfolio.shard, MarketLog(redis, replay.portfolio.market_id))
    with pytest.raises(DataError, match="invalid input"), transaction.atomic(), saving._fenced(shard):
        write("SELECT %s::integer", ["no number"])


def test_shard_that_another_works_on_is_left_alone(replay):
    """Two workers on a shard would take it from each other with every batch."""
    replay.begin()
    shard = replay.portfolio.market.shards.get()
    replay.ingest()
    replay.forget()
    with only_one(f"{shard.market_id}:{shard.number}") as is_mine:
        replay.evaluate()
    assert is_mine
    assert Shard.objects.get(pk=shard.pk).epoch == shard.epoch
    replay.evaluate()
    assert Shard.objects.get(pk=shard.pk).epoch == shard.epoch + 1


def test_sequencer_without_the_lease_appends_nothing(replay, redis):
    log = MarketLog(redis, replay.portfolio.market_id)
    log.acquire("mine")
    sequencer = Sequencer(replay.portfolio.market, log, "mine")
    log.release("mine")
    log.acquire("another")
    source = open_source(replay.portfolio.market)
    sequencer.work(source, 5, lambda: None)
    source.close()
    assert log.tail() == 0


def test_sequencer_of_an_older_epoch_assigns_no_control(replay, redis):
    log = MarketLog(redis, replay.portfolio.market_id)
    log.acquire("mine")
    sequencer = Sequencer(replay.portfolio.market, log, "mine")
    Market.objects.update(epoch=99)
    source = open_source(replay.portfolio.market)
    with pytest.raises(FencedError):
        sequencer.work(source, 5, lambda: None)
    source.close()


def test_every_stage_done_twice_changes_nothing(replay):
    for _ in range(3):
        for stage in (replay.ingest, replay.evaluate, replay.evaluate, replay.decide, replay.decide):
            stage()
        for stage in (replay.execute, replay.execute, replay.forget, replay.evaluate):
            stage()
    once = replay.hash
    Shard.objects.update(seen=0, saved=0, prices="{}")
    replay.portfolio.market.shards.get()
    replay.forget()
    replay.evaluate()
    replay.decide()
    assert replay.hash == once


def test_shard_that_is_through_is_forgotten(replay):
    """A worker kept every replay it had ever seen in memory, and a mapped file of each."""
    replay.begin()
    held, notes = (replay.portfolio.market_id, replay.portfolio.shard), f"{replay.portfolio.market_id}-*"
    assert held in evaluation._held
    assert list(notes_folder().glob(notes))
    replay.drain()
    assert held not in evaluation._held
    assert not list(notes_folder().glob(notes))


def test_shard_that_lost_its_states_writes_no_signal_twice(replay):
    replay.begin()
    before = list(Signal.objects.order_by("pk").values())
    StrategyState.objects.all().delete()
    Shard.objects.update(seen=0, saved=0, prices="{}")
    replay.forget()
    replay.evaluate(5)
    assert list(Signal.objects.order_by("pk").values()) == before != []


def test_nothing_is_decided_beyond_what_the_shard_has_evaluated(replay):
    """A signal of a later tick is there already; another strategy may still say something before it."""
    replay.begin()
    first, later = sorted(Signal.objects.values_list("tick", flat=True).distinct())[:2]
    assert risk.decide(replay.portfolio.pk, first - 1) == 0
    risk.decide(replay.portfolio.pk, later - 1)
    assert set(Decision.objects.values_list("signal__tick", flat=True)) == {first}


def test_clock_stops_before_an_undecided_signal(replay):
    replay.begin()
    first = Signal.objects.earliest("tick").tick
    while trading.execute(replay.portfolio.pk, first + 100):
        pass
    assert Portfolio.objects.get().clock == first - 1


def test_batch_that_does_not_follow_the_log_is_refused(replay, redis):
    replay.ingest()
    log = MarketLog(redis, replay.portfolio.market_id)
    log.acquire("mine")
    tail, (entry, *_) = log.tail(), log.read(0)
    batch = Ticks.of([replace(t, number=tail + n) for n, t in enumerate(entry.ticks(INSTRUMENTS), 1)])
    assert not log.append("mine", tail - 1, 0, batch)
    assert log.tail() == tail
    assert log.append("mine", tail, 0, batch)


def test_ten_deciders_at_once_decide_each_signal_once(replay):
    """Check, then act without a lock: two workers both pass the last slot."""
    replay.begin()

    def decide(_: int) -> None:
        try:
            replay.decide()
            replay.execute()
        finally:
            database.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(decide, range(10)))
    approved = Decision.objects.filter(approved=True, strategy__ordinal=0)
    assert Decision.objects.count() == replay.portfolio.signals.count()
    assert approved.count() <= 50
    replay.drain()


def test_a_replay_has_successors_until_it_is_through_and_again_when_its_log_is_lost(replay):
    """Whoever looked all the time for more took a core from what came behind."""
    market = replay.portfolio.market_id
    assert ingest(market, 0, lambda: None)
    assert not ingest(market, 5, lambda: None)
    replay.wipe()
    assert ingest(market, 0, lambda: None)

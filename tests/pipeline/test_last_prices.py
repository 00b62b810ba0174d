"""Last prices outlive the loss of Redis, also those of ticks that no reader needs any more."""

from contextlib import closing

import pytest

from alphapanda.pipeline import sweep
from tests.builders import depth, tick
from tests.pipeline.driver import Replay, bars
from trading.ingest import open_source
from trading.log import MarketLog
from trading.models import LastPrice, Market
from trading.packing import PLAIN, WIDE
from trading.progress import is_idle
from trading.reference import INSTRUMENTS
from trading.sequencer import Sequencer
from trading.ticks import Ticks

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_wiped_replay_is_read_again_from_where_its_last_prices_were_saved(tmp_path, settings, redis):
    """Readers were further than the rows of a holder that was killed: the prices between were lost for ever."""
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = 50, 0.0
    replay = Replay.of([bars(tmp_path / "HDFCBANK.csv", 3, 40)])
    replay.begin("decide", "execute")
    market = Market.objects.get(pk=replay.portfolio.market_id)
    log = MarketLog(redis, market.pk)
    LastPrice.objects.filter(market=market).update(tick=7)
    redis.flushdb()
    holder = Sequencer(market, log, "holder")
    assert holder._low > 7
    assert holder._next == 8


def test_last_prices_that_a_killed_holder_of_a_replay_had_not_told_are_told_by_the_next(tmp_path, settings, redis):
    settings.LOG_BATCH_TICKS = 50
    replay = Replay.of([bars(tmp_path / "HDFCBANK.csv", 3, 40), bars(tmp_path / "TCS.csv", 4, 10)])
    market = Market.objects.get(pk=replay.portfolio.market_id)
    log = MarketLog(redis, market.pk)
    log.acquire("killed")
    killed = Sequencer(market, log, "killed")
    with closing(open_source(market)) as source:
        assert all(killed._append(source.take(killed._next, 50)) for _ in range(3))
        assert (log.told(), log.tail()) == (50, 150)
        log.release("killed")
        log.acquire("next")
        Sequencer(market, log, "next").finish(source)
    ticks = [tick for batch in log.between(0, 150, INSTRUMENTS) for tick in batch]
    newest = {tick.instrument.id: tick.number for tick in ticks}
    assert {instrument: price.tick for instrument, price in log.last_prices().items()} == newest
    assert dict(LastPrice.objects.filter(market=market).values_list("instrument", "tick")) == newest


def test_a_replay_that_has_just_saved_tells_nothing_for_a_second(tmp_path, settings, redis):
    settings.LOG_BATCH_TICKS = 50
    replay = Replay.of([bars(tmp_path / "HDFCBANK.csv", 3, 40)])
    market = Market.objects.get(pk=replay.portfolio.market_id)
    log = MarketLog(redis, market.pk)
    log.acquire("me")
    sequencer = Sequencer(market, log, "me")
    with closing(open_source(market)) as source:
        assert sequencer._append(source.take(1, 50))
        assert sequencer._append(source.take(51, 50))
        sequencer._told_at = float("-inf")
        sequencer._save(source)
        assert sequencer._append(source.take(101, 50))
    assert (log.told(), log.tail()) == (100, 150)


def test_the_last_batch_of_a_replay_tells_all_last_prices(tmp_path, settings, redis):
    """It may be valued for the last time before its holder ends the window."""
    settings.LOG_BATCH_TICKS = 10
    replay = Replay.of([bars(tmp_path / "HDFCBANK.csv", 3, 10)])
    market = Market.objects.get(pk=replay.portfolio.market_id)
    assert market.last_tick % 10 == 0
    log = MarketLog(redis, market.pk)
    log.acquire("me")
    sequencer = Sequencer(market, log, "me")
    with closing(open_source(market)) as source:
        while sequencer._append(source.take(sequencer._next, 10)) and log.tail() < market.last_tick:
            pass
    assert log.told() == log.tail() == market.last_tick


def test_a_replay_is_not_over_before_its_last_prices_are_rows(tmp_path, redis):
    """Closing drops those in Redis: its equity was shown at the prices of the last fills, for good."""
    replay = Replay.of([bars(tmp_path / "HDFCBANK.csv", 3, 10)])
    market = Market.objects.get(pk=replay.portfolio.market_id)
    log = MarketLog(redis, market.pk)
    log.acquire("killed")
    with closing(open_source(market)) as source:
        killed = Sequencer(market, log, "killed")
        assert killed._append(source.take(1, 1_000))
    log.release("killed")
    while not is_idle(market.pk, market.last_tick):
        replay.evaluate()
        replay.decide()
        replay.execute()
    sweep()
    market.refresh_from_db()
    assert market.is_active
    replay.ingest()
    sweep()
    market.refresh_from_db()
    assert (market.is_active, LastPrice.objects.get(market=market).tick) == (False, market.last_tick)


def test_a_window_knows_how_wide_the_ticks_are_that_the_one_before_has_appended(tmp_path, redis):
    """Each window would have gone on as if they had no depth, by a batch beyond what may be kept."""
    replay = Replay.of([bars(tmp_path / "HDFCBANK.csv", 3, 10)])
    market = Market.objects.get(pk=replay.portfolio.market_id)
    log = MarketLog(redis, market.pk)
    log.acquire("me")
    instrument = next(iter(INSTRUMENTS.values()))
    deep = Ticks.of([tick(1, 100, instrument, depth=depth(bids=[("99", 5)], asks=[("101", 5)]))])
    assert Sequencer(market, log, "me")._width == PLAIN.size
    assert log.append("me", 0, 0, deep)
    assert Sequencer(market, log, "me")._width == WIDE.size

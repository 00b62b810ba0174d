"""A replay whose log has lost ticks waits until they have been read again; it passes nothing over."""

import pytest

from strategies.models import Shard
from tests.pipeline.driver import Replay, bars, expected
from trading.log import LogGapError, MarketLog
from trading.models import Gap
from trading.reference import INSTRUMENTS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def files(tmp_path):
    return [bars(tmp_path / "HDFCBANK.csv", 4, 40)]


@pytest.fixture
def replay(files, redis, settings) -> Replay:
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = 10, 0.0
    replay = Replay.of(files)
    while MarketLog(redis, replay.portfolio.market_id).tail() < 160:
        replay.ingest()
    return replay


def lose(replay: Replay, redis, entries: int) -> None:
    """Of the oldest entries of the log."""
    log = MarketLog(redis, replay.portfolio.market_id)
    redis.xtrim(log._stream, minid=log.read(0)[entries].last, approximate=False)


def test_shard_waits_for_ticks_that_are_gone(replay, files, redis):
    lose(replay, redis, 3)
    replay.evaluate(5)
    assert (Shard.objects.get(market=replay.portfolio.market).seen, Gap.objects.count()) == (0, 0)
    replay.wipe()
    replay.drain()
    assert replay.hash == expected(files)["ledger_hash"]


def test_portfolio_waits_for_ticks_that_are_gone(replay, files, redis):
    replay.evaluate(5)
    first = replay.portfolio.signals.earliest("tick").tick
    replay.execute()
    replay.decide()
    lose(replay, redis, first // 10 + 2)
    before = replay.hash
    for stage in (replay.decide, replay.execute):
        stage()
    assert replay.hash == before
    replay.wipe()
    replay.drain()
    assert replay.hash == expected(files)["ledger_hash"]


def test_log_says_which_ticks_are_gone(replay, redis):
    lose(replay, redis, 1)
    log = MarketLog(redis, replay.portfolio.market_id)
    with pytest.raises(LogGapError, match="ticks 1 to 10"):
        list(log.between(0, 40, INSTRUMENTS))

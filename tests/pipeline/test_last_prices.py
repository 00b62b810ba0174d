"""Last prices outlive the loss of Redis, also those of ticks that no reader needs any more."""

import pytest

from tests.pipeline.driver import Replay, bars
from trading.log import MarketLog
from trading.models import LastPrice, Market
from trading.sequencer import Sequencer

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

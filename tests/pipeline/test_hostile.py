"""What a hostile person writes as a strategy harms nobody else, and means the same in backtest and pipeline."""

from time import monotonic

import pytest

from strategies import services
from tests.pipeline import hostile
from tests.pipeline.driver import Replay, bars, expected
from trading.ingest import ingest
from trading.log import MarketLog
from trading.progress import is_idle

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = [
    n for n, c in vars(hostile).items() if isinstance(c, type) and c.__module__ == hostile.__name__ and n != "Count"
]
MOMENTUM = ["momentum.lookback=5", "momentum.threshold=0.001"]
POISON = [
    "nul_reason",
    "surrogate_reason",
    "interrupts",
    "bad_text",
    "circular",
    "broken_dump",
    "no_target",
    "poison_target",
]


@pytest.fixture
def files(tmp_path, settings):
    settings.USER_STRATEGIES = [f"tests.pipeline.hostile.{name}" for name in NAMES]
    settings.LOG_BATCH_TICKS = 50
    return [bars(tmp_path / "HDFCBANK.csv", 3, 40)]


@pytest.mark.parametrize("name", POISON)
def test_no_strategy_stops_its_shard(name, files, redis):
    options = {"strategy": [name, "momentum"], "param": MOMENTUM}
    replay = Replay.of(files, **options)
    try:
        replay.drain()
    except BaseException as error:  # noqa: BLE001
        pytest.fail(f"the shard is dead: {type(error).__name__}: {error}")
    assert replay.portfolio.strategies.get(ordinal=0).status == "QUARANTINED"
    assert replay.portfolio.signals.filter(strategy__ordinal=1).exists()


def test_new_version_whose_start_fails_quarantines_only_itself(files, redis):
    replay = Replay.of(files, strategy=["divides", "momentum"], param=MOMENTUM)
    replay.begin("decide")
    services.configure(replay.portfolio.strategies.get(ordinal=0), "divides", {"divisor": 0})
    try:
        replay.drain()
    except ZeroDivisionError:
        pytest.fail("the shard is dead")
    assert replay.portfolio.strategies.get(ordinal=0).status == "QUARANTINED"


def test_fills_are_shown_once_though_the_worker_dies(files, settings, redis):
    settings.SHARD_SAVE_SECONDS = 0.0
    wanted = expected(files, strategy=["fill_counter"], param=[], limits="none")
    replay = Replay.of(files, strategy=["fill_counter"], param=[], limits="none")
    market = replay.portfolio.market
    for n in range(100_000):
        if is_idle(market.pk, market.last_tick):
            break
        for stage in (replay.ingest, replay.evaluate, replay.decide, replay.execute):
            stage()
        if n % 7 == 0:
            replay.forget()
    assert replay.hash == wanted["ledger_hash"]


@pytest.mark.parametrize("batch", [1, 7, 50, 1000])
def test_tick_of_a_fault_means_the_same_wherever_the_batch_ended(batch, files, settings, redis):
    settings.LOG_BATCH_TICKS = batch
    options = {"strategy": ["rests_then_fails", "buys_at_fifty"], "param": []}
    replay, wanted = Replay.of(files, **options), expected(files, **options)
    replay.drain()
    assert replay.hash == wanted["ledger_hash"]


def test_state_that_is_no_json_fails_alike_in_backtest_and_pipeline(files, redis):
    options = {"strategy": ["tuple_state"], "param": []}
    replay, wanted = Replay.of(files, **options), expected(files, **options)
    replay.drain()
    assert replay.hash == wanted["ledger_hash"]


def test_replay_at_speed_keeps_its_pace_over_windows(tmp_path, redis):
    path = tmp_path / "SBIN.csv"
    lines = (f"2025-04-01 10:00:{second:02d},100\n" for second in range(0, 60, 10))
    path.write_text("timestamp,last_price\n" + "".join(lines))
    replay, begun = Replay.of([path], speed=1.0), monotonic()
    for _ in range(5):
        ingest(replay.portfolio.market_id, 0.2, lambda: None)
    assert MarketLog(redis, replay.portfolio.market_id).tail() <= 1 + (monotonic() - begun) // 10

"""A worker that dies shows fills that are in the ledger already at the same ticks as the one before it."""

import pytest

from tests.pipeline.driver import Replay, bars, expected

pytestmark = pytest.mark.django_db(transaction=True)


def test_fill_is_shown_after_its_tick_also_when_it_was_there_before(tmp_path, settings, redis):
    """States are saved with signals only, so that much is evaluated again, beside fills of later ticks."""
    settings.USER_STRATEGIES = ["tests.pipeline.sample.Angler"]
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = 4, 1_000.0
    files, options = [bars(tmp_path / "HDFCBANK.csv", 3, 30)], {"strategy": ["angler"], "param": [], "limits": "none"}
    replay, wanted = Replay.of(files, **options), expected(files, **options)
    waits = [fill["tick"] - signal["tick"] for signal, fill in zip(wanted["signals"], wanted["fills"], strict=False)]
    assert (len(waits) > 5, max(waits) > 10) == (True, True)
    for _ in range(wanted["signals"][-1]["tick"]):
        replay.begin("decide", "execute", "forget")
    replay.drain()
    assert replay.hash == wanted["ledger_hash"]

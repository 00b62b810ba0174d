"""Backtest and pipeline agree, whatever the order of the stages, the size of batches and who dies meanwhile."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pipeline.driver import Replay, bars, expected

pytestmark = pytest.mark.django_db(transaction=True)
STAGES = ("ingest", "evaluate", "decide", "execute", "forget", "wipe")


@pytest.fixture
def files(tmp_path):
    return [bars(tmp_path / "HDFCBANK.csv", 1, 40), bars(tmp_path / "NOBODY.csv", 2, 40)]


def counts(replay: Replay) -> tuple[int, int, int]:
    whose = replay.portfolio
    return whose.signals.count(), whose.decisions.count(), whose.fills.count()


@pytest.mark.parametrize("limits", ["default", "none"])
@pytest.mark.parametrize("lockstep", [False, True])
def test_replay_and_backtest_have_the_same_ledger(files, limits, lockstep, redis):
    replay, wanted = Replay.of(files, limits=limits, lockstep=lockstep), expected(files, limits=limits)
    replay.drain()
    assert counts(replay) == tuple(len(wanted[name]) for name in ("signals", "decisions", "fills"))
    assert replay.hash == wanted["ledger_hash"]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.sampled_from(STAGES), max_size=30), batch=st.integers(5, 100))
def test_no_order_of_stages_and_no_death_changes_the_ledger(files, order, batch, settings, redis):
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = batch, 0.0
    replay = Replay.of(files)
    for stage in order:
        getattr(replay, stage)()
    replay.drain()
    assert replay.hash == expected(files)["ledger_hash"]

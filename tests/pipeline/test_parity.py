"""Backtest and pipeline agree, whatever the order of the stages, the size of batches and who dies meanwhile."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from risk.limit_services import Whose, change
from tests.pipeline.driver import Replay, bars, expected

pytestmark = pytest.mark.django_db(transaction=True)
STAGES = ("ingest", "evaluate", "decide", "execute", "forget", "wipe")
PATH = STAGES[:4]


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


STRICT = {
    "max_position": 300,
    "max_trades_per_day": 30,
    "max_order_quantity": 150,
    "max_order_value": "140000",
    "max_position_value": "150000",
    "max_gross_exposure": "260000",
    "max_net_exposure": "240000",
    "max_concentration": "0.24",
    "max_leverage": "0.27",
    "max_open_orders": 3,
    "max_orders_per_day": 60,
    "max_orders_per_second": 1,
    "min_seconds_between_equals": 300,
    "may_short": False,
    "may_overdraw": False,
    "may_cross_itself": False,
    "may_trade_after_hours": False,
    "may_leave_grid": False,
}


@pytest.mark.parametrize("batch", [7, 1_000])
def test_backtest_and_pipeline_agree_with_every_rule_on(files, tmp_path, batch, settings, redis):
    """Small batches: what the rules remember comes from rows again and again."""
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = batch, 0.0
    strict = tmp_path / "limits.json"
    strict.write_text(json.dumps(STRICT))
    busy = {
        "limits": str(strict),
        "strategy": ["momentum", "momentum", "mean_reversion"],
        "param": [
            "momentum.lookback=1",
            "momentum.threshold=0",
            "momentum.allow_short=false",
            "mean_reversion.lookback=8",
        ],
    }
    replay, wanted = Replay.of(files, **busy), expected(files, **busy)
    replay.drain()
    denied = {rule for decision in wanted["decisions"] for rule in decision["rules"]}
    assert denied >= {"orders_per_second", "equal_order", "short_selling", "position_value", "gross_exposure"}
    assert any(decision["approved"] for decision in wanted["decisions"])
    assert replay.hash == wanted["ledger_hash"]


LAYERED = {
    "max_position": 300,
    "max_trades_per_day": None,
    "strategies": {
        "0": {"max_trades_per_day": 1, "instruments": {"NOBODY": {"max_order_quantity": 60}}},
        "momentum": {"max_position": 90},
    },
    "instruments": {"HDFCBANK": {"min_seconds_between_equals": 600, "may_short": False}},
}


@pytest.mark.parametrize("batch", [7, 1_000])
def test_backtest_and_pipeline_agree_on_limits_of_strategies_instruments_and_people(
    files, tmp_path, batch, settings, redis
):
    """What a backtest's file says of the person is the person's own row in the house."""
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = batch, 0.0
    busy = {"strategy": ["mean_reversion", "momentum"], "param": ["momentum.lookback=1", "momentum.threshold=0"]}
    for name, more in (("replay", {}), ("backtest", {"user": {"max_open_orders": 1}})):
        (tmp_path / f"{name}.json").write_text(json.dumps(LAYERED | more))
    replay = Replay.of(files, **busy, limits=str(tmp_path / "replay.json"))
    change(Whose(user=replay.portfolio.user), {"max_open_orders": 1})
    wanted = expected(files, **busy, limits=str(tmp_path / "backtest.json"))
    replay.drain()
    denied = {rule for decision in wanted["decisions"] for rule in decision["rules"]}
    assert denied >= {"position", "trades_per_day", "short_selling", "open_orders", "order_quantity"}
    assert replay.hash == wanted["ledger_hash"]
    speaking = {v["scope"] for d in replay.portfolio.decisions.all() for v in d.verdicts}
    assert speaking >= {"user", "portfolio", "strategy", "portfolio+instrument", "strategy+instrument"}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.sampled_from(STAGES), max_size=30), batch=st.integers(5, 100))
def test_no_order_of_stages_and_no_death_changes_the_ledger(files, order, batch, settings, redis):
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = batch, 0.0
    replay = Replay.of(files)
    for stage in order:
        getattr(replay, stage)()
    replay.drain()
    assert replay.hash == expected(files)["ledger_hash"]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prefixes=st.lists(st.integers(1, 6), min_size=1, max_size=4), batch=st.integers(20, 100))
def test_any_prefix_repeated_any_number_of_times_changes_nothing(files, prefixes, batch, settings, redis):
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = batch, 0.0
    replay = Replay.of(files)
    for rounds in prefixes:
        for stage in PATH * rounds:
            getattr(replay, stage)()
        replay.repeat()
    replay.drain()
    assert replay.hash == expected(files)["ledger_hash"]


EXITS = {
    "max_daily_loss": "12400",
    "max_drawdown": "0.5",
    "strategy_stop_loss": "600",
    "strategy_target": "500",
    "strategy_trailing_stop": "450",
    "stop_loss": "0.003",
    "target": "0.004",
    "trailing_stop": "0.002",
    "scopes": [
        {"strategy": 0, "stop_loss": "0.002", "square_off": "09:24"},
        {"instrument": "NOBODY", "target": "0.003"},
    ],
}
BUSY = {
    "limits": "none",
    "strategy": ["momentum", "momentum", "mean_reversion"],
    "param": ["momentum.lookback=3", "momentum.threshold=0.001", "mean_reversion.lookback=8"],
}
RULES = {"stop_loss", "target", "trailing_stop", "strategy_stop_loss", "strategy_target", "strategy_trailing_stop"}


def written(path, document) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def rules_of(result) -> set[str]:
    return {s["reason"].partition(":")[0] for s in result["signals"] if s["source"] == "rule"}


@pytest.mark.parametrize("batch", [7, 1_000])
def test_backtest_and_pipeline_agree_with_every_exit_rule_on(files, tmp_path, batch, settings, redis):
    """What a watch remembers is read from its row again and again."""
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = batch, 0.0
    options = BUSY | {"exits": written(tmp_path / "exits.json", EXITS)}
    replay, wanted = Replay.of(files, **options), expected(files, **options)
    replay.drain()
    assert rules_of(wanted) >= RULES | {"square_off", "daily_loss"}
    assert counts(replay) == tuple(len(wanted[name]) for name in ("signals", "decisions", "fills"))
    assert replay.hash == wanted["ledger_hash"]


@pytest.mark.parametrize("state", ["REDUCING", "HALTED"])
@pytest.mark.parametrize("rule", [{"max_daily_loss": "1500"}, {"max_drawdown": "0.0015"}])
def test_rule_about_the_portfolio_halts_both_at_the_same_tick(files, tmp_path, rule, state, settings, redis):
    settings.LOG_BATCH_TICKS = 20
    options = BUSY | {"exits": written(tmp_path / "exits.json", rule | {"breach_state": state})}
    replay, wanted = Replay.of(files, **options), expected(files, **options)
    replay.drain()
    halt = replay.portfolio.halts.get()
    assert (halt.state, halt.lifted_at, halt.rule in {"daily_loss", "drawdown"}) == (state, None, True)
    assert not replay.portfolio.positions.exclude(quantity=0).exists()
    assert replay.hash == wanted["ledger_hash"]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.sampled_from(STAGES), max_size=30), batch=st.integers(5, 100))
def test_no_order_of_stages_and_no_death_changes_what_rules_do(files, tmp_path, order, batch, settings, redis):
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = batch, 0.0
    options = BUSY | {"exits": written(tmp_path / "exits.json", EXITS)}
    replay = Replay.of(files, **options)
    for stage in order:
        getattr(replay, stage)()
    replay.drain()
    assert replay.hash == expected(files, **options)["ledger_hash"]


def test_strategy_that_sees_fills_waits_for_what_exit_rules_do(tmp_path, settings, redis):
    """While it holds something, any tick may bring it a fill that it did not ask for."""
    settings.USER_STRATEGIES = ["tests.pipeline.sample.Pyramid"]
    files = [bars(tmp_path / "HDFCBANK.csv", 3, 8)]
    exits = written(tmp_path / "exits.json", {"stop_loss": "0.001", "target": "0.001"})
    options = {"strategy": ["pyramid"], "param": [], "limits": "none", "exits": exits}
    replay, wanted = Replay.of(files, **options), expected(files, **options)
    for _ in range(5):
        replay.begin("decide", "execute")
    replay.drain()
    assert rules_of(wanted)
    assert replay.hash == wanted["ledger_hash"]

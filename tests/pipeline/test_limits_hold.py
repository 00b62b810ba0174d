"""Limits hold to the last unit: ten processes at once, over midnight in India, over restarts, with sliced orders."""

import json
import os
import sys
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connections

from alphapanda.management.commands import backtest
from alphapanda.management.commands.seed import seed_reference
from alphapanda.trial import read_trial
from risk.models import Decision
from tests.pipeline.driver import OPTIONS, Replay, bars, expected
from trading.models import Instrument, Order
from trading.progress import is_idle

pytestmark = pytest.mark.django_db(transaction=True)
BUSY = {
    "strategy": ["momentum", "momentum", "mean_reversion"],
    "param": ["momentum.lookback=1", "momentum.threshold=0", "mean_reversion.lookback=5", "mean_reversion.entry_z=1"],
}
OFF = {"max_position": None, "max_trades_per_day": None, "max_price_deviation": None, "max_age_seconds": None}


def in_processes(act, times: int = 10) -> None:
    """The same thing from several processes, each with connections of its own."""
    connections.close_all()
    children = [_forked(act) for _ in range(times)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * times


def _forked(act) -> int:
    child = os.fork()
    if child:
        return child
    try:
        act()
    except BaseException as error:  # noqa: BLE001
        sys.__stderr__.write(f"{error!r}\n")
        os._exit(1)
    os._exit(0)


def drain(replay: Replay, decide, *between) -> None:
    market = replay.portfolio.market
    for turn in range(300):
        if is_idle(market.pk, market.last_tick):
            return
        for stage in (replay.ingest, replay.evaluate, decide, replay.execute, *(between if turn % 4 == 3 else ())):
            stage()
    raise AssertionError("the replay does not drain")


def limits_file(folder, **limits) -> str:
    path = folder / "limits.json"
    path.write_text(json.dumps(OFF | limits))
    return str(path)


@pytest.mark.parametrize(
    ("limits", "rule", "cash"),
    [
        ({"max_position": 150}, "position", 10**6),
        ({"max_trades_per_day": 3}, "trades_per_day", 10**6),
        ({"max_orders_per_day": 5}, "orders_per_day", 10**6),
        ({"max_gross_exposure": 250_000}, "gross_exposure", 10**6),
        ({"may_overdraw": False, "may_short": False}, "cash", 150_000),
    ],
)
def test_last_unit_is_given_once_by_ten_processes(tmp_path, limits, rule, cash, redis):
    """The ledger is the one of a single process that decides one signal after the other."""
    files = [bars(tmp_path / "HDFCBANK.csv", 5, 15)]
    options = BUSY | {"limits": limits_file(tmp_path, **limits), "cash": str(cash)}
    wanted = expected(files, **options)
    assert rule in {name for decision in wanted["decisions"] for name in decision["rules"]}
    replay = Replay.of(files, **options)
    drain(replay, lambda: in_processes(replay.decide))
    assert replay.hash == wanted["ledger_hash"]


@pytest.mark.parametrize("batch", [7, 1_000])
def test_day_ends_at_midnight_in_india_also_when_everything_restarts(tmp_path, batch, settings, redis):
    """What the rules count and remember is in rows: after each batch the workers are new."""
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = batch, 0.0
    files = [bars(tmp_path / "HDFCBANK.csv", 3, 20, "2025-04-01 23:50:00")]
    strict = {"max_trades_per_day": 2, "max_orders_per_day": 5, "min_seconds_between_equals": 120}
    options = BUSY | {"limits": limits_file(tmp_path, **strict)}
    replay = Replay.of(files, **options)
    drain(replay, replay.decide, replay.forget)
    used_up = Decision.objects.filter(denied_by__contains=["trades_per_day"])
    for made in (Decision.objects.filter(approved=True), used_up):
        assert {str(day) for day in made.values_list("trade_date", flat=True)} == {"2025-04-01", "2025-04-02"}
    assert replay.hash == expected(files, **options)["ledger_hash"]


def test_sliced_orders_and_what_the_exchange_takes_agree_with_the_backtest(tmp_path, settings, redis):
    """Facts of instruments and the calendar come from rows here, and from a dump of them there."""
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = 50, 0.0
    seed_reference()
    facts = {"lower_circuit": Decimal(990), "upper_circuit": Decimal(1_010), "previous_close": Decimal(1_000)}
    Instrument.objects.filter(symbol="HDFCBANK").update(freeze_quantity=40, **facts)
    call_command("export_reference", "--out", str(tmp_path / "reference"))
    files = [
        bars(tmp_path / "HDFCBANK.csv", 1, 40, "2025-04-01 15:10:00"),
        bars(tmp_path / "TCS.csv", 2, 40, "2025-04-01 15:10:00"),
    ]
    strict = {
        "may_trade_after_hours": False,
        "may_leave_circuit": False,
        "max_close_deviation": "0.008",
        "max_volume_fraction": "0.4",
        "max_orders_per_second": 4,
        "max_orders_per_day": 60,
        "min_seconds_between_equals": 90,
        "strategies": {"mean_reversion": {"forbidden_instruments": ["TCS"], "may_slice": False}},
    }
    options = BUSY | {"limits": limits_file(tmp_path, **strict)}
    wanted = backtest.run(read_trial([str(f) for f in files], OPTIONS | options), tmp_path / "reference")
    denied = {rule for decision in wanted["decisions"] for rule in decision["rules"]}
    assert denied >= {"session", "close_deviation", "volume_fraction", "forbidden_instrument", "freeze", "equal_order"}
    replay = Replay.of(files, **options)
    drain(replay, replay.decide, replay.forget)
    assert Order.objects.filter(slice__gt=0).exists()
    assert not Order.objects.filter(instrument__symbol="HDFCBANK", quantity__gt=40).exists()
    assert replay.hash == wanted["ledger_hash"]

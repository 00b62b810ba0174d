"""The kill switch: it flattens and verifies, trips by itself, and holds against processes, restarts and outages."""

import os
import subprocess
import sys
from decimal import Decimal

import pytest
from django.core.management import call_command

from alphapanda.connection import connection
from alphapanda.environment import CHECKOUT
from risk import flattening, past, services
from risk.flattening import Progress
from risk.halt import HaltState
from risk.models import Decision, Halt
from risk.reconciliation import differences
from strategies.models import Signal
from strategies.seen import seen_for
from strategies.signal import Source
from tests.pipeline.driver import Replay, bars
from tests.workers import database_url, wait_for
from trading.models import Fill, Order
from trading.order import OrderStatus

pytestmark = pytest.mark.django_db(transaction=True)
BUSY = ["momentum.lookback=1", "momentum.threshold=0"]
DECIDERS = 4
DECIDER = """
import sys
import django
django.setup()
from risk.services import decide
from trading.services import execute
portfolio, seen = map(int, sys.argv[1:])
print("ready", flush=True)
sys.stdin.readline()
while execute(portfolio, seen) or decide(portfolio, seen):
    pass
"""


@pytest.fixture
def files(tmp_path, settings):
    settings.USER_STRATEGIES = ["tests.pipeline.sample.Resting"]
    settings.LOG_BATCH_TICKS = 80
    return [bars(tmp_path / "HDFCBANK.csv", 5, 60)]


@pytest.fixture
def holding(files, redis) -> Replay:
    """In the middle of its ticks, with a position, a resting order and more to come."""
    replay = Replay.of(files, strategy=["momentum", "resting", "momentum"], param=BUSY, limits="none")
    replay.begin("decide", "execute")
    assert replay.portfolio.positions.exclude(quantity=0).exists()
    return replay


def by_rules():
    return Signal.objects.filter(source=Source.RULE)


def open_orders():
    return Order.objects.filter(status=OrderStatus.OPEN)


def test_flattening_cancels_then_leaves_then_halts(holding):
    halt = services.halt(None, holding.portfolio, "fire", flatten=True)
    assert (halt.state, open_orders().exists()) == (HaltState.REDUCING, False)
    flattening.settle()
    halt.refresh_from_db()
    assert (halt.state, flattening.progress(halt)) == (HaltState.REDUCING, Progress.FLATTENING)
    assert {row["symbol"] for row in flattening.left(halt)} == {"HDFCBANK"}
    holding.drain()
    flattening.settle()
    halt.refresh_from_db()
    assert (halt.state, flattening.progress(halt), flattening.left(halt)) == (HaltState.HALTED, Progress.FLAT, [])
    assert not holding.portfolio.positions.exclude(quantity=0).exists()
    assert {(s.target, s.reason) for s in by_rules()} == {(0, "flatten: fire at a limit of flat")}
    holding.portfolio.refresh_from_db()
    assert not holding.portfolio.is_watched


def test_flattening_does_not_trade_at_prices_of_before(holding):
    seen = seen_for(holding.portfolio.pk)
    services.halt(None, holding.portfolio, "fire", flatten=True)
    holding.drain()
    assert min(by_rules().values_list("tick", flat=True)) > seen


def test_flattening_one_strategy_leaves_the_others_alone(holding):
    mad = holding.portfolio.strategies.get(ordinal=0)
    services.halt(None, holding.portfolio, "mad", strategy=mad, flatten=True)
    others = Order.objects.filter(strategy__ordinal=2).count()
    holding.drain()
    flattening.settle()
    assert set(by_rules().values_list("strategy", flat=True)) == {mad.pk}
    assert not mad.positions.exclude(quantity=0).exists()
    assert Order.objects.filter(strategy__ordinal=2).count() > others
    assert Halt.objects.get().state == HaltState.HALTED


def test_flattening_everything_reaches_every_portfolio(holding):
    services.halt(None, None, "everything", flatten=True)
    holding.drain()
    flattening.settle()
    assert Halt.objects.get().flat_at is not None
    assert not holding.portfolio.positions.exclude(quantity=0).exists()


def test_what_cannot_be_left_is_told_and_stays_reducing(holding):
    """No tick comes any more; a minute later nobody should believe that it is flat."""
    halt = services.halt(None, holding.portfolio, "fire", flatten=True)
    Halt.objects.update(created_at=halt.created_at.replace(year=2020))
    flattening.settle()
    halt.refresh_from_db()
    assert (halt.state, flattening.progress(halt)) == (HaltState.REDUCING, Progress.NOT_FLAT)
    assert flattening.left(halt)[0]["quantity"] != 0


def test_lifted_halt_flattens_no_more(holding):
    halt = services.halt(None, holding.portfolio, "fire", flatten=True)
    services.lift(halt, None, "a mistake")
    placed = Order.objects.count()
    holding.drain()
    assert not by_rules().exists()
    assert Order.objects.count() > placed


def test_restart_of_everything_stays_halted(holding):
    services.halt(None, holding.portfolio, "fire")
    placed = Order.objects.count()
    holding.forget()
    holding.wipe()
    connection.cache_clear()
    holding.drain()
    assert Order.objects.count() == placed
    assert past.in_force(holding.portfolio).count() == 1


def test_halting_needs_no_redis_and_no_worker(holding):
    """A process of its own, with a Redis that is not there."""
    arguments = ["halt", "--portfolio", holding.portfolio.name, "--reason", "fire", "--flatten"]
    environment = os.environ | {"DATABASE_URL": database_url(), "REDIS_URL": "redis://127.0.0.1:1/0"}
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "REDUCING" in done.stdout) == (0, True), done.stderr
    assert (Halt.objects.get().flatten, open_orders().exists()) == (True, False)


def test_nothing_is_ordered_after_the_commit_of_a_halt_among_processes(tmp_path, redis):
    """What is visible right after the commit is all there will ever be: later commits add no order."""
    replay = Replay.of([bars(tmp_path / "HDFCBANK.csv", 5, 300)], strategy=["momentum"] * 4, param=BUSY, limits="none")
    last = replay.portfolio.market.last_tick
    while seen_for(replay.portfolio.pk) < last:
        replay.ingest()
        replay.evaluate(5)
    with_deciders(replay.portfolio, last, halt_among_them)


def halt_among_them(portfolio, wait) -> None:
    wait_for(Order.objects.exists)
    services.halt(None, portfolio, "now")
    committed = set(Order.objects.values_list("pk", flat=True))
    before = Decision.objects.count()
    wait()
    assert set(Order.objects.values_list("pk", flat=True)) == committed
    assert not open_orders().exists()
    assert Decision.objects.count() > before
    assert Decision.objects.filter(denied_by=["halt"]).exists()


def with_deciders(portfolio, seen, act) -> None:
    """Processes that decide and match for one portfolio at once, until nothing is left."""
    environment = os.environ | {"DATABASE_URL": database_url()}
    command = [sys.executable, "-c", DECIDER, str(portfolio.pk), str(seen)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, cwd=CHECKOUT, env=environment, **pipes) for _ in range(DECIDERS)]
    try:
        assert [child.stdout.readline() for child in children] == ["ready\n"] * DECIDERS
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        act(portfolio, lambda: [child.wait(120) for child in children])
        assert [child.returncode for child in children] == [0] * DECIDERS
    finally:
        for child in children:
            child.kill()
            child.communicate()


def test_rows_and_fills_agree_to_the_last_decimal(holding):
    holding.drain()
    assert Fill.objects.count() > 10
    assert differences(holding.portfolio.pk) == []


@pytest.mark.parametrize("field", ["quantity", "charges", "cost"])
def test_position_that_its_fills_do_not_make_is_named(holding, field):
    position = holding.portfolio.positions.exclude(quantity=0).first()
    setattr(position, field, getattr(position, field) + 1)
    position.save()
    found = differences(holding.portfolio.pk)
    assert len(found) == 1
    assert ("value" if field == "cost" else field.replace("charges", "charged")) in found[0]


def test_cash_that_its_fills_do_not_make_is_named(holding):
    holding.portfolio.refresh_from_db()
    type(holding.portfolio).objects.update(cash=holding.portfolio.cash + Decimal("0.000001"))
    assert "cash is" in differences(holding.portfolio.pk)[0]


def test_flag_of_the_command_names_what_it_does(holding, capsys):
    call_command("halt", "--everything", "--flatten", "--reason", "fire")
    assert "REDUCING" in capsys.readouterr().out


def test_losses_count_anew_when_a_person_has_lifted_what_they_halted(files, tmp_path, settings, redis):
    settings.LOG_BATCH_TICKS = 20
    exits = tmp_path / "exits.json"
    exits.write_text('{"max_daily_loss": "300"}')
    replay = Replay.of(files, strategy=["momentum"], param=BUSY, limits="none", exits=str(exits))
    while not replay.portfolio.halts.exists():
        replay.begin("decide")
    halt, placed = replay.portfolio.halts.get(), Order.objects.count()
    services.lift(halt, None, "seen and accepted")
    state = replay.portfolio.memory.state
    assert state["day_start"] == state["peak"] == state["equity"]
    replay.drain()
    assert Order.objects.count() > placed
    assert replay.portfolio.halts.filter(tick__gt=halt.tick).exists()

"""A worker's child is killed exactly where it stands: held at one statement by a lock, ended with SIGKILL."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import psycopg
import pytest
from django.db import connection as database

from alphapanda import pipeline
from alphapanda.celery import queue_names
from alphapanda.connection import PREFIX, connection
from strategies.models import Signal
from tests.pipeline.driver import Replay, bars, expected
from tests.servers import temporary_home
from tests.workers import database_url, is_idle, wait_for, worker
from trading.models import Market

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.house]
QUEUES = "ingest,strategies.0,strategies.1,risk,execution,portfolio"
KEY = 4711  # of the lock at which the child is held
HOLD = f"""CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN PERFORM pg_advisory_xact_lock_shared({KEY}); RETURN NULL; END'"""
STATEMENTS = {
    "sequencer takes the market over": "UPDATE OF epoch ON trading_market",
    "last prices": "INSERT ON trading_lastprice",
    "shard is taken over": "UPDATE OF epoch ON strategies_shard",
    "fence of the shard": "UPDATE OF seen ON strategies_shard",
    "states": "INSERT ON strategies_strategystate",
    "signals": "INSERT ON strategies_signal",
    "decisions": "INSERT ON risk_decision",
    "signals are decided": "UPDATE ON strategies_signal",
    "orders": "INSERT ON trading_order",
    "fills": "INSERT ON trading_fill",
    "positions": "INSERT ON portfolio_position",
    "clock and cash": "UPDATE OF clock ON portfolio_portfolio",
    "trades of the day": "INSERT ON risk_tradesofday",
}
COMMITS = {"signals": "strategies_signal", "decisions": "risk_decision"}


@pytest.fixture(scope="module")
def child(django_db_setup) -> Iterator[Callable[[], psutil.Process]]:
    """What finds the one process that does all the work now."""
    with temporary_home("crash") as home, worker(home, QUEUES) as running:

        def of_the_pool() -> list[psutil.Process]:
            return psutil.Process(running.pid).children()

        yield lambda: wait_for(of_the_pool)[0]


@pytest.fixture
def files(tmp_path, redis):
    return [bars(tmp_path / "HDFCBANK.csv", 4, 30)]


@contextmanager
def held_at(moment: str) -> Iterator[psycopg.Connection]:
    """Whoever comes to this moment waits until the connection is closed."""
    with psycopg.connect(database_url(), autocommit=True) as holder:
        holder.execute(HOLD)
        holder.execute(f"CREATE {moment} EXECUTE FUNCTION hold()")
        holder.execute(f"SELECT pg_advisory_lock({KEY})")
        try:
            yield holder
        finally:
            holder.execute("SELECT pg_advisory_unlock_all()")
            holder.execute("DROP FUNCTION hold CASCADE")


def is_held() -> bool:
    pipeline.sweep()
    with database.cursor() as cursor:
        cursor.execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return cursor.fetchone() is not None


def is_drained() -> bool:
    """And no task has anything left to do with the database, which the end of a test empties."""
    pipeline.sweep()
    is_over = not Market.objects.filter(is_active=True).exists()
    return is_over and not connection().exists(*(PREFIX + queue for queue in queue_names())) and is_idle()


def end(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def moment(statement: str) -> str:
    return f"TRIGGER hold BEFORE {statement}"


def commit(table: str) -> str:
    return f"CONSTRAINT TRIGGER hold AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"


MOMENTS = {name: moment(of) for name, of in STATEMENTS.items()} | {
    f"commit of {name}": commit(table) for name, table in COMMITS.items()
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_the_ledger_is_the_same_wherever_a_child_is_killed(child, files, moment):
    replay, wanted = Replay.of(files), expected(files)
    with held_at(moment):
        wait_for(is_held)
        end(child())
    wait_for(is_drained)
    assert len(wanted["fills"]) == replay.portfolio.fills.count() > 3
    assert replay.hash == wanted["ledger_hash"]


def test_the_ledger_is_the_same_when_a_child_is_killed_before_it_says_what_it_has_committed(child, files, redis):
    replay, wanted = Replay.of(files), expected(files)
    with held_at(commit("strategies_signal")) as holder:
        wait_for(is_held)
        redis.client_pause(10_000, all=False)
        holder.execute("SELECT pg_advisory_unlock_all()")
        wait_for(Signal.objects.exists)
        end(child())
        redis.client_unpause()
    wait_for(is_drained)
    assert replay.hash == wanted["ledger_hash"]

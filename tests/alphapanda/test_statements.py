"""Statements that are prepared: what they say, how they fail, and what a migration does to them."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import count
from threading import Event, Thread
from time import monotonic, sleep

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import DataError, IntegrityError, NotSupportedError, connection, transaction
from django.db.transaction import TransactionManagementError
from psycopg import Connection
from psycopg.pq import TransactionStatus

from alphapanda.statements import Asked, ask, fetch, together, write
from alphapanda.tasks import _check_connections

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def table():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE things (id int PRIMARY KEY, name text)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE things")


def add(number: int, name: str) -> None:
    write("INSERT INTO things VALUES (%s, %s)", [number, name])


def add_together(*numbers: int) -> None:
    with together():
        for number in numbers:
            add(number, "one")


def migrate(statement: str) -> None:
    """Over a connection of its own."""

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join()


def test_parameters_are_only_values():
    add(1, "'; DROP TABLE things; --")
    assert fetch("SELECT name FROM things WHERE id = %s", [1]) == [("'; DROP TABLE things; --",)]


def test_they_are_prepared_once_and_belong_to_the_transaction():
    add(1, "kept")
    with transaction.atomic():
        add(2, "not kept")
        assert len(fetch("SELECT statement FROM pg_prepared_statements WHERE statement LIKE %s", ["INSERT%"])) == 1
        transaction.set_rollback(True)
    assert fetch("SELECT id FROM things WHERE id > %s", [0]) == [(1,)]


def test_errors_are_those_of_django():
    add(1, "one")
    with pytest.raises(IntegrityError):
        add(1, "again")


def test_several_that_go_together_are_answered_each_for_itself():
    add(1, "one")
    first, none, all_of_them = (named(query) for query in (1, 2, 0))
    ask(first, none, all_of_them)
    assert (first.rows, none.rows, all_of_them.rows) == ([("one",)], [], [("one",)])


def named(number: int) -> Asked:
    return Asked("SELECT name FROM things WHERE %s IN (0, id)", [number], list)


def test_the_first_error_of_what_goes_together_is_told_and_nothing_is_kept():
    with pytest.raises(IntegrityError), transaction.atomic():
        add_together(1, 1, 2)
    assert fetch("SELECT id FROM things WHERE id > %s", [0]) == []
    with pytest.raises(DataError), transaction.atomic():
        ask(named(1), Asked("SELECT %s::int / 0", [1], list))
    assert fetch("SELECT %s::int", [7]) == [(7,)]


def test_what_goes_together_waits_for_the_lock_before_it_looks():
    """Deciding reads positions behind its portfolio's lock: it must see what the holder has written last."""
    add(1, "old")
    locked = Asked("SELECT name FROM things WHERE id = %s FOR UPDATE", [1], list)
    others = Asked("SELECT name FROM things WHERE id <> %s", [1], list)
    holds, waits = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            fetch("SELECT id FROM things WHERE id = %s FOR UPDATE", [1])
            holds.set()
            waits.wait(10)
            with together():
                write("UPDATE things SET name = %s", ["new"])
                add(2, "also new")
        connection.close()

    holder = Thread(target=hold)
    holder.start()
    holds.wait(10)
    freed = Thread(target=lambda: (wait_for_a_waiting_lock(), waits.set()))
    freed.start()
    with transaction.atomic():
        ask(locked, others)
    holder.join()
    freed.join()
    assert (locked.rows, others.rows) == ([("new",)], [("also new",)])


def wait_for_a_waiting_lock() -> None:
    deadline = monotonic() + 10
    while not fetch("SELECT pid FROM pg_locks WHERE NOT granted AND pid <> %s", [0]) and monotonic() < deadline:
        sleep(0.01)
    connection.close()


@pytest.mark.parametrize("within", [nullcontext, transaction.atomic])
def test_a_migration_beside_it_fails_it_once(within):
    query = "SELECT * FROM things WHERE id = %s"
    add(1, "one")
    assert fetch(query, [1]) == [(1, "one")]
    migrate("ALTER TABLE things ALTER name TYPE varchar(9)")
    with pytest.raises(NotSupportedError), within():
        fetch(query, [1])
    with within():
        assert fetch(query, [1]) == [(1, "one")]


@pytest.mark.parametrize("within", [nullcontext, transaction.atomic])
def test_a_migration_beside_what_goes_together_fails_it_once(within):
    first, second = (Asked("SELECT * FROM things WHERE id = %s", [number], list) for number in (1, 2))
    add(1, "one")
    ask(first, second)
    migrate("ALTER TABLE things ALTER name TYPE varchar(9)")
    with pytest.raises(NotSupportedError), within():
        ask(first, second)
    with within():
        ask(first, second)
    assert (first.rows, second.rows) == ([(1, "one")], [])


@contextmanager
def interrupted() -> Iterator[None]:
    """After a moment, as Celery interrupts a task at its soft time limit: by an error raised wherever it stands."""

    def interrupt(*_: object) -> None:
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


SLEEP = "INSERT INTO things SELECT 3 FROM pg_sleep(%s) RETURNING id"


@pytest.mark.parametrize("within", [nullcontext, transaction.atomic])
@pytest.mark.parametrize("query", ["SELECT pg_sleep(%s)", SLEEP])
def test_a_task_that_is_interrupted_while_it_waits_keeps_nothing_and_the_next_one_goes_on(query, within):
    with pytest.raises(SoftTimeLimitExceeded), interrupted(), within():
        ask(Asked(query, [2], list), named(2))
    with transaction.atomic():
        add_together(4)
        asked = named(0)
        ask(asked)
    assert asked.rows == [("one",)]


def test_what_began_together_ends_with_its_transaction():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        add_together_and_fail(1)
    with transaction.atomic():
        add_together(2)
        assert seen_elsewhere() == []
    assert seen_elsewhere() == [2]


def add_together_and_fail(number: int) -> None:
    with transaction.atomic(), together(is_last=True):
        add(number, "one")
    raise ZeroDivisionError


def test_the_last_of_a_transaction_is_its_end():
    said = []
    with transaction.atomic():
        add(1, "one")
        with together(is_last=True):
            add(2, "two")
        transaction.on_commit(lambda: said.append("after"))
        assert (seen_elsewhere(), said) == ([1, 2], [])
    assert said == ["after"]


@pytest.mark.parametrize("failing", ["INSERT INTO things VALUES (%s)", "INSERT INTO late VALUES (%s)"])
def test_nothing_is_kept_when_the_last_of_a_transaction_fails(failing):
    """At once, or where the commit looks at what it was promised."""
    add(1, "one")
    write("CREATE TABLE late (id int REFERENCES things DEFERRABLE INITIALLY DEFERRED)", [])
    try:
        with pytest.raises(IntegrityError), transaction.atomic():
            add_and_end_with(failing, 1 if "things" in failing else 9)
        assert seen_elsewhere() == [1]
    finally:
        write("DROP TABLE late", [])


def test_nothing_can_follow_the_last_of_a_transaction():
    with pytest.raises(TransactionManagementError), transaction.atomic():
        add_too_late()
    assert seen_elsewhere() == [1, 2]


def add_too_late() -> None:
    add_and_end_with("INSERT INTO things VALUES (%s)", 1)
    add(3, "too late")


def test_the_last_of_a_transaction_that_is_to_be_undone_does_not_end_it():
    with transaction.atomic():
        transaction.set_rollback(True)
        with together(is_last=True):
            pass
        assert connection.connection.pgconn.transaction_status != TransactionStatus.IDLE
    assert seen_elsewhere() == []


def add_and_end_with(statement: str, number: int) -> None:
    write("INSERT INTO things VALUES (%s) ON CONFLICT DO NOTHING", [2])
    with together(is_last=True):
        write(statement, [number])


def seen_elsewhere() -> list[int]:
    found = []

    def look() -> None:
        found.extend(number for (number,) in fetch("SELECT id FROM things WHERE id > %s ORDER BY id", [0]))
        connection.close()

    thread = Thread(target=look)
    thread.start()
    thread.join()
    return found


@pytest.mark.parametrize("number", range(1, 9))
def test_a_connection_that_an_interruption_has_left_anywhere_is_whole_for_the_next_task(monkeypatch, number):
    monkeypatch.setattr(Connection, "wait", interrupting(Connection.wait, number))
    with suppress(SoftTimeLimitExceeded), transaction.atomic():
        add_and_end_with("INSERT INTO things VALUES (%s)", 1)
    monkeypatch.undo()
    _check_connections()
    assert seen_elsewhere() in ([], [1, 2])
    with transaction.atomic():
        add_and_end_with("INSERT INTO things VALUES (%s) ON CONFLICT DO NOTHING", 4)
    assert 4 in seen_elsewhere()
    add(5, "five")
    assert 5 in seen_elsewhere()


def interrupting(real, number):
    """Behind so many times that an answer was waited for."""
    calls = count(1)

    def wait(*given, **named):
        answer = real(*given, **named)
        if next(calls) == number:
            raise SoftTimeLimitExceeded
        return answer

    return wait


def test_a_connection_that_the_server_has_ended_is_replaced_before_a_task_and_a_good_one_is_not_asked():
    _check_connections()
    assert connection.health_check_done
    (before,) = fetch("SELECT pg_backend_pid() WHERE %s = 1", [1])
    ended = Thread(target=lambda: (fetch("SELECT pg_terminate_backend(%s, 5000)", before), connection.close()))
    ended.start()
    ended.join()
    _check_connections()
    assert fetch("SELECT pg_backend_pid() WHERE %s = 1", [1]) != [before]

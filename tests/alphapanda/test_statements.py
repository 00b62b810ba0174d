"""Statements that are prepared: what they say, how they fail, and what a migration does to them."""

from contextlib import nullcontext
from threading import Thread

import pytest
from django.db import IntegrityError, NotSupportedError, connection, transaction

from alphapanda.statements import fetch, write

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

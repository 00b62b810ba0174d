"""Times come out of PostgreSQL as they went in."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import DataError, connection
from psycopg.pq import Format

from alphapanda.statements import fetch
from alphapanda.timestamps import UtcLoader

pytestmark = pytest.mark.django_db

TIMES = [
    datetime(2026, 1, 5, 3, 45, tzinfo=UTC),
    datetime(2026, 1, 5, 9, 15, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    datetime(2026, 1, 5, 3, 45, 0, 100, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]


@pytest.mark.parametrize("time", TIMES)
def test_a_time_is_what_it_was_and_in_utc(time):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [time])
        (by_django,) = cursor.fetchone()
    ((found,),) = fetch("SELECT %s::timestamptz", [time])
    assert found == by_django == time
    assert found.tzinfo is by_django.tzinfo is UTC


def test_no_time_is_none():
    assert fetch("SELECT NULL::timestamptz", []) == [(None,)]


@pytest.mark.parametrize("text", ["infinity", "-infinity", "0044-03-15 12:00:00+00 BC", "10000-01-01 00:00:00+00"])
def test_what_python_has_no_time_for_is_an_error(text):
    with pytest.raises(DataError):
        fetch("SELECT %s::timestamptz", [text])


def test_every_connection_reads_so():
    connection.ensure_connection()
    adapters = connection.connection.adapters
    assert adapters.get_loader(adapters.types["timestamptz"].oid, Format.TEXT) is UtcLoader

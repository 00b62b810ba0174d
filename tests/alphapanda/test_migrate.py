"""Whoever migrates second waits for the first, and finds nothing to do."""

import os
import subprocess
import sys
from urllib.parse import urlsplit

import psycopg
import pytest

from alphapanda.environment import CHECKOUT
from alphapanda.management.commands.migrate import LOCK

NAME = "migrated_at_once"


@pytest.fixture
def empty_database():
    """The address of a database of its own on the session's server."""
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {NAME}")
        yield urlsplit(url)._replace(path=f"/{NAME}").geturl()
        admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def migrate(url):
    command = [sys.executable, "manage.py", "migrate", "--no-input"]
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_three_at_once_apply_each_migration_once(empty_database):
    started = [migrate(empty_database) for _ in range(3)]
    said = [process.communicate(timeout=180)[0].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert sum("Applying trading.0001_initial" in text for text in said) == 1
    assert sum("No migrations to apply" in text for text in said) == 2
    with psycopg.connect(empty_database) as database:
        held = database.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone()
        twice = database.execute("SELECT app, name FROM django_migrations GROUP BY 1, 2 HAVING count(*) > 1").fetchall()
    assert (held, twice) == ((0,), [])


def test_it_waits_longer_than_our_lock_timeout_and_goes_on_when_the_first_is_gone(empty_database):
    with psycopg.connect(empty_database, autocommit=True) as first:
        first.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        waiting = migrate(empty_database)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=8)
    assert waiting.communicate(timeout=120)[0]
    assert waiting.returncode == 0

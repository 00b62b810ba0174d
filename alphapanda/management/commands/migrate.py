"""Django's migrate, one at a time: whoever starts it second waits, and finds nothing left to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import connections

LOCK = 0x616C7068  # any number, as long as nobody else takes it


class Command(migrate.Command):
    def handle(self, *arguments: Any, **options: Any) -> None:
        with alone(options["database"]):
            super().handle(*arguments, **options)


@contextmanager
def alone(database: str) -> Iterator[None]:
    """Holds a lock of the session, which goes with it; neither it nor a long migration has a time limit."""
    with connections[database].cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        with connections[database].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
            cursor.execute("RESET lock_timeout")
            cursor.execute("RESET statement_timeout")

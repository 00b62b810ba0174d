"""Statements that come again and again. Their parameters go beside the text, so that PostgreSQL parses and plans each
once a connection; Django writes them into it, and every statement is a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from django.db import NotSupportedError, connection
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor


def fetch(statement: str, parameters: Sequence[Any]) -> list[Any]:
    """The rows of a query. Errors: Django's."""
    with _cursor() as cursor:
        cursor.execute(statement, parameters)
        return cast("list[Any]", cursor.fetchall())


def write(statement: str, parameters: Sequence[Any]) -> None:
    """Errors: Django's."""
    with _cursor() as cursor:
        cursor.execute(statement, parameters)


@contextmanager
def _cursor() -> Iterator[CursorWrapper]:
    """Django's, around one that leaves parameters apart: `execute_wrapper` sees these statements too.

    A plan that a migration has made invalid fails once: the end of its transaction, or here of the connection, is the
    end of it.
    """
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    try:
        with connection.make_cursor(cast("CursorWrapper", Cursor(connection.connection))) as cursor:
            yield cursor
    except NotSupportedError:
        if not connection.in_atomic_block:
            connection.close()
        raise

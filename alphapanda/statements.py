"""Statements that come again and again. Their parameters go beside the text, so that PostgreSQL parses and plans each
once a connection; Django writes them into it, and every statement is a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, NotSupportedError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.transaction import TransactionManagementError
from psycopg import Cursor
from psycopg.pq import PipelineStatus, TransactionStatus

R = TypeVar("R")
Read = Callable[[list[Any]], list[R]]


@dataclass(slots=True)
class Asked(Generic[R]):
    """A query whose `rows` are there when `ask` has sent it, together with others."""

    statement: str
    parameters: Sequence[Any]
    read: Read[R]
    rows: list[R] = field(init=False)

    def answered(self) -> list[R]:
        """Its rows, asked alone."""
        self.rows = self.read(fetch(self.statement, self.parameters))
        return self.rows


def fetch(statement: str, parameters: Sequence[Any]) -> list[Any]:
    """The rows of a query. Errors: Django's."""
    with _connected() as database:
        cursor = _cursor(database)
        cursor.execute(statement, parameters)
        return cast("list[Any]", cursor.fetchall())


def write(statement: str, parameters: Sequence[Any]) -> None:
    """Errors: Django's."""
    with _connected() as database:
        _cursor(database).execute(statement, parameters)


def nothing() -> None:
    """Writes nothing."""


def ask(*queries: Asked[Any], first: Callable[[], None] = nothing) -> None:
    """Sends queries in one go, behind what is written `first`. Each sees what was committed before it begins: behind
    one that locks a row, all that the lock was held for. Errors: Django's.
    """
    with _connected() as database:
        with together():
            first()
            sent = [_cursor(database) for _ in queries]
            for query, cursor in zip(queries, sent, strict=True):
                cursor.execute(query.statement, query.parameters)
        for query, cursor in zip(queries, sent, strict=True):
            query.rows = query.read(cursor.fetchall())


@contextmanager
def together(*, is_last: bool = False) -> Iterator[None]:
    """What is written inside goes in one go, and is answered at the end: waiting for each answer costs a busy machine
    more than what it does. The begin of a transaction goes with it; and its commit, where this is the last that is done
    in it and nothing is around it, neither more that goes together nor another transaction.
    Errors: Django's, of the first that failed, at the end at the latest.
    """
    database = _database()
    driver = database.connection.pgconn
    if driver.pipeline_status != PipelineStatus.OFF:
        yield
        return
    try:
        begins = database.in_atomic_block and driver.transaction_status == TransactionStatus.IDLE
        if begins:
            database.connection.autocommit = True  # psycopg would wait for the answer to a BEGIN of its own
        with database.wrap_database_errors, database.connection.pipeline():
            if begins:
                database.connection.execute("BEGIN", prepare=False)
            yield
            if ends := is_last and _is_outermost(database):
                database.connection.execute("COMMIT", prepare=False)  # passed over when something before it has failed
        if ends:
            database.connection.autocommit = True  # by which `_has_ended` knows it
    except OperationalError as error:
        if driver.pipeline_status == PipelineStatus.OFF:
            raise
        database.close()  # interrupted: the next one would take answers for its own that are still to come
        raise (error.__cause__ and error.__cause__.__context__) or error from None


@contextmanager
def _connected() -> Iterator[BaseDatabaseWrapper]:
    """A plan that a migration has made invalid fails once: the end of its transaction, or here of the connection, is
    the end of it.
    """
    database = _database()
    try:
        yield database
    except NotSupportedError:
        if not database.in_atomic_block:
            database.close()
        raise


def _cursor(database: BaseDatabaseWrapper) -> CursorWrapper:
    """Django's, around one that leaves parameters apart: `execute_wrapper` sees these statements too."""
    return database.make_cursor(cast("CursorWrapper", Cursor(database.connection)))


def _database() -> BaseDatabaseWrapper:
    """Connected. Django looks this thread's up anew for each attribute of its `connection`."""
    database = connections[DEFAULT_DB_ALIAS]
    database.close_if_health_check_failed()
    database.ensure_connection()
    if database.in_atomic_block and _has_ended(database.connection):
        raise TransactionManagementError("the transaction has ended with what was said to be the last of it")
    return database


def _is_outermost(database: BaseDatabaseWrapper) -> bool:
    """Whether a transaction would be committed where its block ends now."""
    return database.in_atomic_block and not (database.savepoint_ids or database.needs_rollback)


def _has_ended(driver: Any) -> bool:
    """Whether `together` has ended its transaction; before one begins there is no autocommit."""
    is_idle = driver.pgconn.transaction_status == TransactionStatus.IDLE
    return bool(is_idle and driver.autocommit and driver.pgconn.pipeline_status == PipelineStatus.OFF)

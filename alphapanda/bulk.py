"""Many rows in one statement, as PostgreSQL takes them fastest: an array a column.

The ORM's `bulk_create` costs 0.2 ms a row, most of it to prepare values; here it is 0.03. Constraints hold as ever;
no signal is sent, and nothing is read back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, models

from alphapanda.identity import Derived
from alphapanda.statements import write

Write = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    attribute: str
    array: str
    is_json: bool
    is_counted: bool  # by the database


def insert(rows: Sequence[models.Model], *, ignore_conflicts: bool = False) -> None:
    """Rows of one model. Errors: IntegrityError, unless rows that are there already are passed over."""
    if not rows:
        return
    _execute(*_insertion(type(rows[0]), "ON CONFLICT DO NOTHING" if ignore_conflicts else ""), rows)


def put(rows: Sequence[models.Model], unique: Sequence[str], fields: Sequence[str]) -> None:
    """Rows of one model: new ones, or these fields of those that are there, found by a unique constraint's columns."""
    if not rows:
        return
    changes = ", ".join(f"{_quote(name)} = excluded.{_quote(name)}" for name in fields)
    conflict = f"ON CONFLICT ({', '.join(map(_quote, unique))}) DO UPDATE SET {changes}"
    _execute(*_insertion(type(rows[0]), conflict), rows)


@cache
def _insertion(model: type[models.Model], conflict: str) -> tuple[str, list[Column]]:
    columns = [column for column in _columns(model) if not column.is_counted]
    into = f"{_quote(model._meta.db_table)} ({_names(columns)})"
    return f"INSERT INTO {into} SELECT * FROM unnest({_types(columns)}) {conflict}", columns  # noqa: S608


def update(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Writes these fields of rows that are there, found by their primary key."""
    if not rows:
        return
    _execute(*_change(type(rows[0]), tuple(fields)), rows)


@cache
def _change(model: type[models.Model], fields: tuple[str, ...]) -> tuple[str, list[Column]]:
    every, meta = _columns(model), model._meta
    key = next(column for column in every if column.attribute == meta.pk.attname)
    chosen = [column for column in every if column.attribute in fields]
    changes = ", ".join(f"{_quote(column.name)} = new.{_quote(column.name)}" for column in chosen)
    source = f"unnest({_types([key, *chosen])}) AS new ({_names([key, *chosen])})"
    is_same = f"old.{_quote(key.name)} = new.{_quote(key.name)}"
    table = _quote(meta.db_table)
    return f"UPDATE {table} AS old SET {changes} FROM {source} WHERE {is_same}", [key, *chosen]  # noqa: S608


def _execute(statement: str, columns: Sequence[Column], rows: Sequence[models.Model]) -> None:
    values = zip(*map(attrgetter(*(column.attribute for column in columns)), rows), strict=True)
    write(statement, [_array(column, of) for column, of in zip(columns, values, strict=True)])


def _quote(name: str) -> str:
    return connection.ops.quote_name(name)


def _names(columns: Sequence[Column]) -> str:
    return ", ".join(_quote(column.name) for column in columns)


@cache
def _columns(model: type[models.Model]) -> tuple[Column, ...]:
    return tuple(
        Column(
            str(field.column),
            field.attname,
            _array_type(field),
            is_json=isinstance(field, models.JSONField),
            is_counted=isinstance(field, models.AutoField),
        )
        for field in model._meta.concrete_fields
    )


def _array_type(field: models.Field[Any, Any]) -> str:
    """Without length and scale: a cast would cut silently what the column refuses."""
    kind = field.rel_db_type(connection) if field.is_relation else field.db_type(connection)
    return f"{str(kind).partition('(')[0]}[]"


def _types(columns: Sequence[Column]) -> str:
    return ", ".join(f"%s::{column.array}" for column in columns)


def _array(column: Column, values: Sequence[Any]) -> str:
    """PostgreSQL's text of an array."""
    if column.is_json:
        return _braced(_quoted_json(msgspec.json.encode(value)) for value in values)
    return _braced("NULL" if value is None else _WRITE.get(type(value), _quoted)(value) for value in values)


def _braced(texts: Any) -> str:
    return "{" + ",".join(texts) + "}"


def _quoted(value: str) -> str:
    text = str.__str__(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _quoted_json(value: bytes) -> str:
    """As `_quoted`: of 25,000 bytes in 2 µs, of text in 14."""
    return '"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"').decode() + '"'


_WRITE: dict[type, Write] = {
    int: str,
    float: repr,
    bool: str,
    Decimal: str,
    UUID: attrgetter("hex"),
    Derived: attrgetter("hex"),
    date: str,
    datetime: datetime.isoformat,
}

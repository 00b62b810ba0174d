"""Queries of the hot path, compiled once.

The ORM builds and compiles a query at every use: 0.4 ms, while PostgreSQL answers these in 0.1. What comes back is the
same: rows of the model, or tuples after `values_list` (of columns that need no conversion).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar, cast

from django.db import connection
from django.db.models import Model, QuerySet

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
R = TypeVar("R")
_MARK = 2_000_000_000  # and the numbers behind it: no query has them as constants


def prepared(build: Callable[P, QuerySet[M, R]]) -> Callable[P, list[R]]:
    """A function of whole numbers that gives a query becomes one that gives its rows. Its arguments go into the query
    as they are: they choose nothing in it.
    """

    @cache
    def compiled() -> tuple[type[M], bool, str, list[Callable[..., Any]]]:
        marks = range(_MARK, _MARK + build.__code__.co_argcount)
        query = build(*marks)  # type: ignore[call-arg]
        sql, constants = query.query.sql_with_params()
        return query.model, not query.query.values_select, sql, [_parameter(constant, marks) for constant in constants]

    @wraps(build)
    def rows(*arguments: P.args, **_: P.kwargs) -> list[R]:
        model, is_of_models, sql, parameters = compiled()
        given = [parameter(arguments) for parameter in parameters]
        if is_of_models:
            return list(model._default_manager.raw(sql, given))  # type: ignore[arg-type]
        with connection.cursor() as cursor:
            cursor.execute(sql, given)
            return cast("list[R]", cursor.fetchall())

    return rows


def _parameter(constant: object, marks: range) -> Callable[..., Any]:
    if isinstance(constant, int) and constant in marks:
        place = marks.index(constant)
        return lambda arguments: arguments[place]
    return lambda _: constant

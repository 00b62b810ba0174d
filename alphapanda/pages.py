"""Lists in pages that cost the same at any length of history: by key, never by offset, never counted."""

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, cast

from django.core.exceptions import ValidationError as FieldError
from django.db.models import Field, Model, QuerySet
from pydantic import BaseModel, ValidationError
from rest_framework import exceptions, pagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

MOST = 500  # rows of a page


class Cursor(BaseModel):
    """The row that a page begins behind, as the text of the columns it is ordered by."""

    values: list[str]
    is_backwards: bool = False

    @property
    def text(self) -> str:
        return base64.urlsafe_b64encode(self.model_dump_json().encode()).decode().rstrip("=")


class Column(NamedTuple):
    """A column of the order: `name` as the row's attribute."""

    name: str
    is_descending: bool

    @property
    def order(self) -> str:
        return f"-{self.name}" if self.is_descending else self.name

    @property
    def beyond(self) -> str:
        return f"{self.name}__{'lt' if self.is_descending else 'gt'}"

    def reversed(self) -> "Column":
        return Column(self.name, not self.is_descending)


class Pages(pagination.BasePagination):
    """`{"next", "previous", "results"}`; the order is the queryset's, its last column must be unique."""

    page_size = 50

    def paginate_queryset(  # type: ignore[override]  # nothing but querysets comes here
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Errors: ValidationError naming `cursor` or `page_size`."""
        self.request = request
        columns, size = _columns(queryset), _page_size(request, self.page_size)
        cursor = _cursor(request)
        values = _values(queryset.model, columns, cursor)
        is_backwards = cursor is not None and cursor.is_backwards
        rows = _take(queryset, [c.reversed() for c in columns] if is_backwards else columns, values, size + 1)
        has_more = len(rows) > size
        page = rows[:size][::-1] if is_backwards else rows[:size]
        self.next = self._link(page[-1:], columns, is_backwards=False) if has_more or is_backwards else None
        came_from = has_more if is_backwards else cursor is not None
        self.previous = self._link(page[:1], columns, is_backwards=True) if came_from else None
        return page

    def _link(self, row: list[Any], columns: list[Column], *, is_backwards: bool) -> str | None:
        if not row:
            return None
        values = [_text(getattr(row[0], column.name)) for column in columns]
        cursor = Cursor(values=values, is_backwards=is_backwards)
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor.text)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.next, "previous": self.previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        properties = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": MOST, "default": self.page_size}
        return [
            {"name": "cursor", "in": "query", "schema": {"type": "string"}, "description": "from next, previous"},
            {"name": "page_size", "in": "query", "schema": size, "description": "rows of a page"},
        ]


def whole(rows: Iterable[Any]) -> Response:
    """A short list that is always given in one page."""
    return Response({"next": None, "previous": None, "results": list(rows)})


def _take(queryset: QuerySet[Any], columns: list[Column], values: list[Any], count: int) -> list[Any]:
    """Rows behind `values`: first those equal in all columns but the last, then in fewer; each a range of an index."""
    ordered = queryset.order_by(*(column.order for column in columns))
    if not values:
        return list(ordered[:count])
    rows: list[Any] = []
    for depth in reversed(range(len(columns))):
        same = {column.name: value for column, value in zip(columns[:depth], values, strict=False)}
        part = ordered.filter(**same, **{columns[depth].beyond: values[depth]})
        rows += part[: count - len(rows)]
        if len(rows) == count:
            break
    return rows


def _columns(queryset: QuerySet[Any]) -> list[Column]:
    names = queryset.query.order_by or queryset.model._meta.ordering
    return [Column(name.lstrip("-"), name.startswith("-")) for name in map(str, names)]


def _page_size(request: Request, default: int) -> int:
    given = request.query_params.get("page_size", str(default))
    if not (given.isascii() and given.isdigit() and int(given[:9])):
        raise exceptions.ValidationError({"page_size": f"a number from 1 to {MOST} is expected"})
    return min(int(given[:9]), MOST)


def _cursor(request: Request) -> Cursor | None:
    given = request.query_params.get("cursor")
    if not given:
        return None
    try:
        return Cursor.model_validate_json(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
    except (ValidationError, binascii.Error, ValueError):
        raise _wrong_cursor() from None


def _values(model: type[Model], columns: list[Column], cursor: Cursor | None) -> list[Any]:
    if cursor is None:
        return []
    try:
        return [
            cast("Field[Any, Any]", model._meta.get_field(column.name)).to_python(value)
            for column, value in zip(columns, cursor.values, strict=True)
        ]
    except (FieldError, ValueError):
        raise _wrong_cursor() from None


def _wrong_cursor() -> exceptions.ValidationError:
    return exceptions.ValidationError({"cursor": "take it from the next or previous link of this list"})


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

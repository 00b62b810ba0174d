"""Rows that people change in versions, each kept with before, after, who and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from alphapanda.errors import InputError
from risk import models

Kept = TypeVar("Kept", models.ExitRules, models.Triggers)


def store(row: Kept, values: Mapping[str, Any], by: User | None) -> Kept:
    """Sets some fields of a row that is locked. Errors: InputError naming the field."""
    before = {name: _plain(getattr(row, name)) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    _check(row)
    row.version += 1
    type(row).objects.filter(pk=row.pk).update(version=row.version, **values)
    after = {name: _plain(value) for name, value in values.items()}
    row.changes.create(version=row.version, before=before, after=after, changed_by=by)
    row.refresh_from_db()
    return row


def check_names(values: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(f"{unknown[0]}: is none of {', '.join(known)}")


def _check(row: models.ExitRules | models.Triggers) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        faults = [f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items()]
        raise InputError("; ".join(faults)) from None


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Decimal | time) else value

"""Giving, changing and recording limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from alphapanda.errors import InputError
from alphapanda.reference import load_limits
from portfolio.models import Portfolio
from risk import models
from risk.limits import LIMIT_NAMES, Limits
from trading.bookkeeping import locked


def default_limits() -> Limits:
    """What a new portfolio starts with: the seeded row, or the shipped file before there is one."""
    row = models.Limits.objects.filter(portfolio=None).first()
    return limits_value(row) if row else load_limits()


def give_default_limits(portfolio: Portfolio) -> None:
    models.Limits.objects.create(portfolio=portfolio, **asdict(default_limits()))


def change_limits(
    portfolio: Portfolio, values: dict[str, Decimal | int | bool | None], by: User | None = None
) -> models.Limits:
    """Sets some limits (None is off); decisions from now on use them. Errors: InputError naming the limit."""
    unknown = set(values) - set(LIMIT_NAMES)
    if unknown:
        raise InputError(f"unknown limit {sorted(unknown)[0]!r}; limits are {', '.join(LIMIT_NAMES)}")
    with transaction.atomic():
        locked(portfolio.pk)
        row = models.Limits.objects.get(portfolio=portfolio)
        for name, value in values.items():
            setattr(row, name, value)
        _check(row)
        return _store(row, values, by)


def change_defaults(values: dict[str, Any], by: User | None = None) -> models.Limits:
    """What new portfolios start with. Errors: InputError naming the limit."""
    with transaction.atomic():
        row = models.Limits.objects.select_for_update().get(portfolio=None)
        for name, value in values.items():
            setattr(row, name, value)
        _check(row)
        return _store(row, values, by)


def _store(row: models.Limits, names: Iterable[str], by: User | None) -> models.Limits:
    """A new version, with what it was before and who made it."""
    held = models.Limits.objects.get(pk=row.pk)
    models.Limits.objects.filter(pk=row.pk).update(
        version=held.version + 1, **{name: getattr(row, name) for name in names}
    )
    changed = models.Limits.objects.get(pk=row.pk)
    before, after = ({name: _text(getattr(limits, name)) for name in names} for limits in (held, changed))
    models.LimitsChange.objects.create(
        limits=changed, version=changed.version, before=before, after=after, changed_by=by
    )
    return changed


def _text(value: Decimal | int | bool | None) -> str | int | bool | None:
    return str(value) if isinstance(value, Decimal) else value


def _check(row: models.Limits) -> None:
    try:
        row.full_clean(exclude=["portfolio"])
    except ValidationError as error:
        faults = [f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items()]
        raise InputError("; ".join(faults)) from None


def limits_value(row: models.Limits) -> Limits:
    return Limits(**{name: getattr(row, name) for name in LIMIT_NAMES})

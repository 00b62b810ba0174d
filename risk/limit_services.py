"""Giving, changing and recording limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from msgspec.structs import asdict

from alphapanda.errors import InputError
from alphapanda.prepared import prepared
from alphapanda.reference import load_limits
from alphapanda.statements import Asked
from portfolio.models import Portfolio
from risk import models
from risk.limits import LIMIT_NAMES, NO_LIMITS, Limits
from risk.scopes import Limited, Scope, loosens
from strategies.models import Strategy
from trading.models import Instrument
from trading.reference import INSTRUMENTS


@dataclass(frozen=True, slots=True)
class Whose:
    """Which row of limits is meant; the one that new portfolios start with when it names nothing."""

    user: User | None = None
    portfolio: Portfolio | None = None
    strategy: Strategy | None = None
    instrument: Instrument | None = None

    @classmethod
    def of(cls, row: models.Limits) -> Whose:
        return cls(row.user, row.portfolio, row.strategy, row.instrument)

    @property
    def is_default(self) -> bool:
        return self == Whose()

    def may_be_changed_by(self, user: User) -> bool:
        """Owners limit their portfolios, and staff limits people: where both do, the tighter holds."""
        return user.is_staff or (self.portfolio is not None and self.portfolio.user_id == user.pk)

    def needs_approval(self) -> bool:
        """Whether what loosens waits for another member of staff: of this person's limits, or of everybody's."""
        owner = self.portfolio.user if self.portfolio else self.user
        rows = models.Limits.objects.filter(needs_approval=True, portfolio=None, instrument=None)
        return rows.filter(Q(user=owner) | Q(user=None)).exists()

    def check(self) -> None:
        """Errors: InputError naming what does not go together."""
        if self.user and self.portfolio:
            raise InputError("user: limits are those of a user or of a portfolio, not of both")
        if self.strategy and (self.portfolio is None or self.strategy.portfolio_id != self.portfolio.pk):
            raise InputError("strategy: name its portfolio too")

    def lock(self) -> None:
        """Whoever decides for a portfolio that it concerns waits, so the change takes its place at their clocks."""
        list(self._portfolios().select_for_update(of=("self",), no_key=True).order_by("pk"))

    def row(self) -> models.Limits:
        """Made when there is none yet: nothing is limited by it so far."""
        start = default_limits() if self.is_default else NO_LIMITS
        fields = {name: getattr(self, name) for name in ("user", "portfolio", "strategy", "instrument")}
        row, _ = models.Limits.objects.get_or_create(**fields, defaults=asdict(start) | {"version": 0})
        return row

    def _portfolios(self) -> QuerySet[Portfolio]:
        if self.portfolio:
            return Portfolio.objects.filter(pk=self.portfolio.pk)
        if self.user:
            return Portfolio.objects.filter(user=self.user)
        return Portfolio.objects.none() if self.is_default else Portfolio.objects.all()


def default_limits() -> Limits:
    """What a new portfolio starts with: the seeded row, or the shipped file before there is one."""
    row = models.Limits.objects.filter(user=None, portfolio=None, instrument=None).first()
    return limits_value(row) if row else load_limits()


def give_default_limits(portfolio: Portfolio) -> None:
    models.Limits.objects.create(portfolio=portfolio, **asdict(default_limits()))


def change_limits(portfolio: Portfolio, values: dict[str, Any], by: User | None = None) -> models.Limits:
    """Of the whole portfolio. Errors: InputError naming the limit."""
    return change(Whose(portfolio=portfolio), values, by)


def change_defaults(values: dict[str, Any], by: User | None = None) -> models.Limits:
    """What new portfolios start with. Errors: InputError naming the limit."""
    return change(Whose(), values, by)


def change(whose: Whose, values: dict[str, Any], by: User | None = None) -> models.Limits:
    """Sets some limits (None is off); decisions from now on use them. What loosens is only proposed where a person's
    limits need approval.

    Errors: InputError naming the limit.
    """
    unknown = set(values) - {*LIMIT_NAMES, "needs_approval"}
    if unknown:
        raise InputError(f"unknown limit {sorted(unknown)[0]!r}; limits are {', '.join(LIMIT_NAMES)}")
    whose.check()
    with transaction.atomic():
        whose.lock()
        row = whose.row()
        changed = with_values(row, values)
        waiting = _loosened(row, changed) & set(values) if by and whose.needs_approval() else set()
        if waiting:
            models.LimitsChange.objects.create(
                limits=row, state=models.LimitsChange.State.PROPOSED, changed_by=by, **_compared(row, changed, waiting)
            )
        at_once = values.keys() - waiting
        if at_once:
            models.LimitsChange.objects.create(limits=row, changed_by=by, **store(row, changed, at_once))
        return models.Limits.objects.get(pk=row.pk)


def with_values(row: models.Limits, values: Mapping[str, Any]) -> models.Limits:
    """The row as it would be. Errors: InputError naming the limit."""
    changed = models.Limits.objects.get(pk=row.pk)
    for name, value in values.items():
        setattr(changed, name, value)
    _check(changed)
    return changed


def _loosened(before: models.Limits, after: models.Limits) -> set[str]:
    looser = loosens(limits_value(before), limits_value(after))
    return {*looser, *(["needs_approval"] if before.needs_approval and not after.needs_approval else [])}


def store(row: models.Limits, changed: models.Limits, names: Iterable[str]) -> dict[str, Any]:
    """Makes a new version of a row that is locked; returns what its record says."""
    fields = {name: getattr(changed, name) for name in names}
    models.Limits.objects.filter(pk=row.pk).update(version=row.version + 1, **fields)
    stored = models.Limits.objects.get(pk=row.pk)
    return {"version": stored.version, **_compared(row, stored, fields)}


def _compared(before: models.Limits, after: models.Limits, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    told = sorted(names)
    return {
        "before": {name: _text(getattr(before, name)) for name in told},
        "after": {name: _text(getattr(after, name)) for name in told},
    }


def _text(value: Decimal | int | bool | None) -> str | int | bool | None:
    return str(value) if isinstance(value, Decimal) else value


def _check(row: models.Limits) -> None:
    try:
        row.full_clean(exclude=["user", "portfolio", "strategy", "instrument"])
    except ValidationError as error:
        faults = [f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items()]
        raise InputError("; ".join(faults)) from None


def limits_value(row: models.Limits) -> Limits:
    values: dict[str, Any] = {name: getattr(row, name) for name in LIMIT_NAMES}
    for name in ("allowed_instruments", "forbidden_instruments"):
        values[name] = None if values[name] is None else tuple(values[name])
    return Limits(**values)


@prepared
def _rows_about(portfolio: int) -> QuerySet[models.Limits]:
    """All that concern a portfolio's orders."""
    everywhere = Q(user=None, portfolio=None, instrument__isnull=False)
    owners = Portfolio.objects.filter(pk=portfolio).values("user")
    return models.Limits.objects.filter(everywhere | Q(user__in=owners) | Q(portfolio=portfolio))


@prepared
def _ordinals(portfolio: int) -> QuerySet[Strategy, tuple[int, int]]:
    return Strategy.objects.filter(portfolio=portfolio).values_list("pk", "ordinal")


def limits_about(portfolio: int) -> Asked[models.Limits]:
    return _rows_about.later(portfolio)


def scopes_of(portfolio: Portfolio) -> list[Scope]:
    return scopes_from(limits_about(portfolio.pk).answered(), dict(_ordinals(portfolio.pk)))


def scopes_from(rows: Iterable[models.Limits], ordinals: Mapping[int, int]) -> list[Scope]:
    """The widest first: of equally tight limits it is the one that speaks."""
    ordered = sorted(rows, key=lambda row: (row.portfolio_id or 0, row.strategy_id or 0, row.pk))
    return [_scope(row, ordinals) for row in ordered]


@lru_cache(maxsize=256)
def limited(scopes: tuple[Scope, ...]) -> Limited:
    """Whoever decides again under the same limits need not work out again which are the tightest."""
    return Limited(scopes)


def _scope(row: models.Limits, ordinals: Mapping[int, int]) -> Scope:
    return Scope(
        limits=limits_value(row),
        kind=row.kind,
        version=row.version,
        strategy=ordinals[row.strategy_id] if row.strategy_id else None,
        symbol=INSTRUMENTS[row.instrument_id].symbol if row.instrument_id else None,
    )

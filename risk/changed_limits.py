"""Limits that somebody asks about, without setting them: those in force with some of them changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec import structs
from pydantic import ValidationError

from alphapanda.errors import InputError
from alphapanda.limits_file import GivenLimits, LimitsOfScope
from portfolio.models import Portfolio
from risk.limit_services import scopes_of
from risk.limits import LIMIT_NAMES
from risk.scopes import Scope
from strategies.models import StrategyVersion

OFF = ("", "none", "null", "off")


def changed_scopes(portfolio: Portfolio, given: GivenLimits | None, values: Mapping[str, Any]) -> list[Scope]:
    """A file takes the place of the portfolio's limits, of its strategies' and instruments' too; then `values` of
    those of the whole portfolio. What holds for the person or everybody goes on, unless the file says it.

    Errors: InputError naming what is not there.
    """
    scopes = scopes_of(portfolio)
    if given:
        wider = [scope for scope in scopes if scope.kind in _wider(given)]
        scopes = [*wider, *given.scopes(_types(portfolio))]
    return [replace(s, limits=structs.replace(s.limits, **values)) if s.kind == "portfolio" else s for s in scopes]


def checked_values(texts: Mapping[str, str]) -> dict[str, Any]:
    """Limits as a person writes them: `off` switches one off, symbols are separated by commas.

    Errors: InputError naming the limit.
    """
    unknown = sorted(set(texts) - set(LIMIT_NAMES))
    if unknown:
        raise InputError(f"unknown limit {unknown[0]!r}; limits are {', '.join(LIMIT_NAMES)}")
    try:
        row = LimitsOfScope.model_validate({name: _parsed(name, text.strip()) for name, text in texts.items()})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(faults) from None
    return {name: getattr(row, name) for name in texts}


def assignments(texts: Sequence[str]) -> dict[str, str]:
    """`name=value` each. Errors: InputError."""
    parted = [text.partition("=") for text in texts]
    wrong = [name for name, equals, _ in parted if not equals]
    if wrong:
        raise InputError(f"{wrong[0]!r}: write it as name=value")
    return {name.strip(): value for name, _, value in parted}


def _parsed(name: str, text: str) -> Any:
    if name.endswith("_instruments") and text.lower() not in OFF[1:]:
        return [symbol.strip() for symbol in text.split(",") if symbol.strip()]
    return None if text.lower() in OFF else text


def _wider(given: GivenLimits) -> tuple[str, ...]:
    return ("instrument",) if given.user else ("instrument", "user", "user+instrument")


def _types(portfolio: Portfolio) -> list[str]:
    """Of the strategies by ordinal, as they are configured now."""
    versions = StrategyVersion.objects.filter(strategy__portfolio=portfolio).order_by("strategy__ordinal", "number")
    latest = {version.strategy_id: version.type for version in versions}
    return list(latest.values())

"""Limits as a JSON file gives them: those of the portfolio, and tighter ones of strategies and instruments.

    {"max_position": 500, "strategies": {"momentum": {"max_trades_per_day": 5, "instruments": {"SBIN": {…}}}},
     "instruments": {"SBIN": {"max_order_quantity": 100}}, "user": {…}}

A strategy is named by its type, by its ordinal or by both ("0 momentum"). Of all that concern an order the tightest
limit holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from alphapanda.errors import InputError
from alphapanda.reference import LimitsRow
from risk.limits import LIMIT_NAMES, NO_LIMITS, Limits
from risk.scopes import Scope
from trading.catalogue import Catalogue


class LimitsOfScope(LimitsRow):
    """What is left out is not limited here."""

    max_position: int | None = Field(None, ge=0)
    max_trades_per_day: int | None = Field(None, ge=0)
    max_price_deviation: Decimal | None = Field(None, ge=0)
    max_age_seconds: Decimal | None = Field(None, ge=0)


class LimitsOfStrategy(LimitsOfScope):
    instruments: dict[str, LimitsOfScope] = {}


class LimitsFile(LimitsRow):
    """What is left out keeps its default, null is off."""

    max_position: int | None = Field(1_000, ge=0)
    max_trades_per_day: int | None = Field(50, ge=0)
    max_price_deviation: Decimal | None = Field(Decimal("0.10"), ge=0)
    max_age_seconds: Decimal | None = Field(Decimal(5), ge=0)
    strategies: dict[str, LimitsOfStrategy] = {}
    instruments: dict[str, LimitsOfScope] = {}
    user: LimitsOfScope | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """Limits of a strategy as the file names it, of an instrument by its symbol, or of an instrument of a strategy."""

    limits: Limits
    strategy: str | None = None
    symbol: str | None = None

    @property
    def kind(self) -> str:
        return ("strategy" if self.strategy else "portfolio") + ("+instrument" if self.symbol else "")


@dataclass(frozen=True, slots=True)
class GivenLimits:
    """Of the portfolio, of parts of it, and in a backtest of the person."""

    own: Limits
    layers: tuple[Layer, ...] = ()
    user: Limits | None = None

    def scopes(self, types: Sequence[str]) -> list[Scope]:
        """`types` of the strategies by ordinal. Errors: InputError naming a strategy that is not there."""
        people = [Scope(self.user, "user")] if self.user else []
        return [*people, Scope(self.own), *(scope for layer in self.layers for scope in _scopes(layer, types))]

    def check_symbols(self, catalogue: Catalogue) -> None:
        """Errors: InputError naming an instrument that neither the reference data nor the files have."""
        for layer in self.layers:
            if layer.symbol and catalogue.lookup(layer.symbol) is None:
                raise InputError(f"--limits: instruments: there is no instrument {layer.symbol!r}")


def read_limits(text: str) -> GivenLimits | None:
    """None stands for the defaults of the reference data. Errors: InputError naming the file and the limit."""
    if text in ("default", "none"):
        return None if text == "default" else GivenLimits(NO_LIMITS)
    try:
        given = LimitsFile.model_validate(json.loads(Path(text).read_text(), parse_float=Decimal))
    except OSError as error:
        raise InputError(f"--limits {text}: {error.strerror}; give default, none or a JSON file") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"--limits {text}: {faults}") from None
    except ValueError as error:
        raise InputError(f"--limits {text}: not JSON: {error}") from error
    return GivenLimits(_value(given), tuple(_layers(given)), _value(given.user) if given.user else None)


def ordinals(name: str, types: Sequence[str]) -> list[int]:
    """Strategies that a file means by a name. Errors: InputError when there is none."""
    found = [n for n, type_name in enumerate(types) if name in (type_name, str(n), f"{n} {type_name}")]
    if not found:
        there = ", ".join(f"{n} {type_name}" for n, type_name in enumerate(types)) or "none"
        raise InputError(f"--limits: strategies: there is no {name!r}; there are: {there}")
    return found


def _layers(given: LimitsFile) -> Iterator[Layer]:
    for name, own in given.strategies.items():
        yield Layer(_value(own), name)
        yield from (Layer(_value(part), name, symbol) for symbol, part in own.instruments.items())
    yield from (Layer(_value(part), None, symbol) for symbol, part in given.instruments.items())


def _scopes(layer: Layer, types: Sequence[str]) -> Iterator[Scope]:
    for ordinal in [None] if layer.strategy is None else ordinals(layer.strategy, types):
        yield Scope(layer.limits, layer.kind, strategy=ordinal, symbol=layer.symbol)


def _value(row: LimitsRow) -> Limits:
    values: dict[str, Any] = {name: getattr(row, name) for name in LIMIT_NAMES}
    return Limits(**values)

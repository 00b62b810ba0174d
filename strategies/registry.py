"""The strategy types that a person may choose: ours, those of entry points, and dotted paths."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from pydantic import BaseModel, ValidationError

from alphapanda.errors import InputError
from strategies.base import Strategy
from strategies.mean_reversion import MeanReversion
from strategies.momentum import Momentum

GROUP = "alphapanda.strategies"


@dataclass(frozen=True)
class Registry:
    """Strategy classes by name; a class that could not be loaded leaves its reason in `faults`."""

    types: dict[str, type[Strategy]]
    faults: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> type[Strategy]:
        """Errors: InputError with the names that exist."""
        if name in self.types:
            return self.types[name]
        faults = "".join(f"; {where} could not be loaded: {why}" for where, why in self.faults.items())
        known = ", ".join(sorted(self.types))
        raise InputError(f"unknown strategy type {name!r}; known types: {known}{faults}")

    def parameters(self, name: str, given: dict[str, object]) -> BaseModel:
        """Errors: InputError naming each wrong parameter and what it may be."""
        try:
            return self.find(name).Parameters.model_validate(given)
        except ValidationError as error:
            raise InputError(_explained(name, error)) from None


@cache
def registry(dotted_paths: tuple[str, ...] = ()) -> Registry:
    """Everything that can be found; a broken one never hides the others."""
    types: dict[str, type[Strategy]] = {cls.name: cls for cls in (Momentum, MeanReversion)}
    faults: dict[str, str] = {}
    for where in _places(dotted_paths):
        try:
            cls = _load(where)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (a user's module may do anything at import)
            faults[where] = f"{type(error).__name__}: {error}"
            continue
        if types.setdefault(cls.name, cls) is not cls:
            faults[where] = f"the name {cls.name!r} is taken"
    return Registry(types, faults)


def plain(parameters: BaseModel) -> dict[str, Any]:
    """Parameters as JSON values; numbers that are equal are written alike (0.010 and 0.01)."""
    values = parameters.model_dump()
    return json.loads(json.dumps(values, default=_written))  # type: ignore[no-any-return]


def _written(value: object) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _places(dotted_paths: Iterable[str]) -> list[str]:
    found = [point.value.replace(":", ".") for point in entry_points(group=GROUP)]
    return [*found, *dotted_paths]


def _load(dotted_path: str) -> type[Strategy]:
    module, _, name = dotted_path.rpartition(".")
    cls = getattr(import_module(module), name)
    if not (isinstance(cls, type) and issubclass(cls, Strategy)):
        raise TypeError(f"{dotted_path} is not a Strategy")
    return cls


def _explained(name: str, error: ValidationError) -> str:
    faults = [f"{'.'.join(map(str, e['loc'])) or 'parameters'}: {e['msg']}" for e in error.errors()]
    return f"strategy {name}: {'; '.join(faults)}"

"""Whose limits hold for an order: of all that concern it the tightest, limit by limit.

A scope says for which orders its limits hold, not over what is measured: a position is that of the portfolio in the
instrument, whoever limits it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from msgspec import structs

from risk.limits import LIMIT_NAMES, NO_LIMITS, Limits
from strategies.signal import Signal
from trading.session import SECOND

NOWHERE: Mapping[str, "Scope"] = MappingProxyType({})
UNNAMED = ""  # stands for every symbol that no scope names: the same holds for all of them


@dataclass(frozen=True, slots=True)
class Scope:
    """Limits in a version, for orders of all strategies (by ordinal) and instruments (by symbol) unless it names them.

    `kind` says whose they are: user, portfolio, strategy, instrument, or two of them joined by +.
    """

    limits: Limits
    kind: str = "portfolio"
    version: int = 1
    strategy: int | None = None
    symbol: str | None = None

    def concerns(self, strategy: int, symbol: str) -> bool:
        return self.strategy in (None, strategy) and self.symbol in (None, symbol)


@dataclass(frozen=True, slots=True)
class Tightest:
    """What holds for an order, and the scope that each limit came from; a limit that nobody sets has none."""

    limits: Limits = NO_LIMITS
    origins: Mapping[str, Scope] = field(default_factory=lambda: NOWHERE, hash=False)


def tightest(scopes: Iterable[Scope], symbol: str) -> Tightest:
    """Of equally tight limits the first speaks."""
    origins: dict[str, Scope] = {}
    for scope in scopes:
        for name in LIMIT_NAMES:
            if is_set(scope.limits, name) and _is_tighter(name, scope, origins.get(name), symbol):
                origins[name] = scope
    chosen: dict[str, Any] = {name: getattr(scope.limits, name) for name, scope in origins.items()}
    limits = structs.replace(NO_LIMITS, **chosen)
    return Tightest(_same(limits, str(limits)), origins)


@lru_cache(maxsize=1_000)
def _same(limits: Limits, _told: str) -> Limits:
    """One object for all that are equal and told alike (0.1 is not 0.10): what is kept by it is found without a look at
    25 limits.
    """
    return limits


def loosens(before: Limits, after: Limits) -> list[str]:
    """Names of the limits that hold less after than before."""
    return [name for name in LIMIT_NAMES if _is_looser(name, getattr(before, name), getattr(after, name))]


def _is_looser(name: str, before: Any, after: Any) -> bool:
    if before is None or before is True:
        return False
    if after is None or after is True:
        return True
    if name == "allowed_instruments":
        return not set(after) <= set(before)
    if name == "forbidden_instruments":
        return not set(after) >= set(before)
    return bool(strictness(name, after) > strictness(name, before))


def is_set(limits: Limits, name: str) -> bool:
    """What is forbidden or has a bound; what is allowed anyway limits nothing."""
    value = getattr(limits, name)
    return value is not None and value is not True


def strictness(name: str, value: Any, symbol: str = "") -> Any:
    """The smaller, the tighter; only comparable for one name."""
    return _measure(name)(value, symbol)


def _is_tighter(name: str, scope: Scope, held: Scope | None, symbol: str) -> bool:
    if held is None:
        return True
    mine, theirs = (strictness(name, getattr(s.limits, name), symbol) for s in (scope, held))
    return bool(mine < theirs)


def _measure(name: str) -> Callable[[Any, str], Any]:
    if name.startswith("min_"):
        return lambda value, _: -value
    if name == "allowed_instruments":
        return lambda symbols, symbol: symbol in symbols
    if name == "forbidden_instruments":
        return lambda symbols, symbol: symbol not in symbols
    return lambda value, _: value


@dataclass(slots=True)
class Limited:
    """The scopes of one portfolio, the widest first; what holds for an order is worked out once, and once for all
    symbols that none of them names.
    """

    scopes: Sequence[Scope]
    memory: int = field(init=False)
    _named: frozenset[str] = field(init=False)
    _known: dict[tuple[int, str], Tightest] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.memory = memory(self.scopes)
        self._named = frozenset(symbol for scope in self.scopes for symbol in _symbols(scope))

    def of(self, signal: Signal) -> Tightest:
        symbol = signal.instrument.symbol
        key = signal.strategy, symbol if symbol in self._named else UNNAMED
        if (known := self._known.get(key)) is None:
            known = self._known[key] = tightest((s for s in self.scopes if s.concerns(*key)), key[1])
        return known


def _symbols(scope: Scope) -> Iterator[str]:
    if scope.symbol is not None:
        yield scope.symbol
    yield from scope.limits.allowed_instruments or ()
    yield from scope.limits.forbidden_instruments or ()


def memory(scopes: Iterable[Scope]) -> int:
    """How long orders are remembered for the rules, in microseconds of market time."""
    return max(map(_memory, scopes), default=0)


def _memory(scope: Scope) -> int:
    equals = int((scope.limits.min_seconds_between_equals or 0) * SECOND)
    return max(equals, SECOND if scope.limits.max_orders_per_second is not None else 0)

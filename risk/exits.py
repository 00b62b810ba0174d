"""Exit rules: what a person sets so that positions are left without asking their strategies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import time
from decimal import Decimal
from typing import Any

from alphapanda.money import money
from risk.halt import HaltState

PORTFOLIO_RULES = ("max_daily_loss", "max_drawdown")
STRATEGY_RULES = ("strategy_stop_loss", "strategy_target", "strategy_trailing_stop")
POSITION_RULES = ("stop_loss", "target", "trailing_stop", "square_off")
EXIT_RULES = ("daily_loss", "drawdown")  # what halts at a tick, in a backtest as well
FRACTIONS = ("max_drawdown", "stop_loss", "trailing_stop")  # a target may lie further away
MOST = Decimal("1e12")
EXIT_NAMES = (*PORTFOLIO_RULES, *STRATEGY_RULES, *POSITION_RULES)


@dataclass(frozen=True, slots=True)
class ExitRules:
    """None is off. A day is one in India, and so is the time of day.

    Losses count charges, realised and unrealised; a strategy's profit and loss is that since it was last flat.
    """

    max_daily_loss: Decimal | None = None  # rupees below the equity before the day's first tick
    max_drawdown: Decimal | None = None  # fraction of the highest equity
    strategy_stop_loss: Decimal | None = None  # rupees
    strategy_target: Decimal | None = None  # rupees
    strategy_trailing_stop: Decimal | None = None  # rupees below the best since it was last flat
    stop_loss: Decimal | None = None  # fraction of the average price
    target: Decimal | None = None  # fraction of the average price
    trailing_stop: Decimal | None = None  # fraction of the best price since the entry
    square_off: time | None = None  # from then on, and on a later day, the position of a day is left

    @property
    def is_on(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))


@dataclass(frozen=True, slots=True)
class Scope:
    """A strategy by its ordinal, an instrument by its symbol; None stands for all."""

    strategy: int | None = None
    symbol: str | None = None

    def covers(self, strategy: int | None, symbol: str | None) -> bool:
        return self.strategy in (None, strategy) and self.symbol in (None, symbol)


def faults(scope: Scope, rules: ExitRules) -> Iterator[tuple[str, str]]:
    """(name, what is wrong with it): rules stand where they belong and leave room to trade."""
    for name in EXIT_NAMES:
        value = getattr(rules, name)
        if value is None:
            continue
        if name in PORTFOLIO_RULES and scope != Scope():
            yield name, "is a rule about the whole portfolio; leave strategy and instrument out"
        elif name in STRATEGY_RULES and scope.symbol is not None:
            yield name, "is a rule about a whole strategy; leave the instrument out"
        elif isinstance(value, Decimal) and not 0 < value < (1 if name in FRACTIONS else MOST):
            yield name, "must lie above 0" + (" and below 1" if name in FRACTIONS else "")


@dataclass(frozen=True, slots=True)
class Exits:
    """All exit rules of a portfolio, and what it becomes when a rule about the whole of it is broken."""

    rules: tuple[tuple[Scope, ExitRules], ...] = ()
    breach_state: HaltState = HaltState.REDUCING

    @property
    def is_on(self) -> bool:
        return any(rules.is_on for _, rules in self.rules)

    def of(self, strategy: int | None = None, symbol: str | None = None) -> ExitRules:
        """The tightest of what covers it."""
        covering = [rules for scope, rules in self.rules if scope.covers(strategy, symbol)]
        return covering[0] if len(covering) == 1 else _tightest(covering)


def _tightest(several: Sequence[ExitRules]) -> ExitRules:
    tightest: dict[str, Any] = {}
    for rules in several:
        for name, value in asdict(rules).items():
            if value is not None:
                tightest[name] = min(value, tightest.get(name, value))
    return ExitRules(**tightest)


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that was broken, with its limit and what was observed, as text."""

    rule: str
    limit: str
    observed: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.observed} at a limit of {self.limit}"


def at_least(rule: str, limit: Decimal | None, observed: Decimal, unit: Decimal = Decimal(1)) -> Iterator[Breach]:
    """A breach when `observed` reaches `limit` × `unit`, compared without a division."""
    if limit is not None and observed >= limit * unit and unit > 0:
        yield Breach(rule, money(limit), money(observed / unit))

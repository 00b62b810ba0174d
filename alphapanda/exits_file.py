"""Exit rules as a JSON file gives them, for replay and backtest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import time
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from alphapanda.errors import InputError
from risk.exits import EXIT_NAMES, ExitRules, Exits, Scope, faults
from risk.halt import HaltState
from trading.catalogue import Catalogue

EXITS_HELP = (
    f"exit rules ({', '.join(EXIT_NAMES)}), breach_state, and under scopes a list of the same "
    "with strategy (its place, from 0) and instrument (its symbol)"
)


class RulesRow(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_daily_loss: Decimal | None = None
    max_drawdown: Decimal | None = None
    strategy_stop_loss: Decimal | None = None
    strategy_target: Decimal | None = None
    strategy_trailing_stop: Decimal | None = None
    stop_loss: Decimal | None = None
    target: Decimal | None = None
    trailing_stop: Decimal | None = None
    square_off: time | None = None

    def rules(self) -> ExitRules:
        return ExitRules(**{name: getattr(self, name) for name in EXIT_NAMES})


class ScopeRow(RulesRow):
    strategy: int | None = None
    instrument: str | None = None


class ExitsFile(RulesRow):
    breach_state: HaltState = HaltState.REDUCING
    scopes: list[ScopeRow] = []

    def exits(self) -> Exits:
        scoped = [(Scope(row.strategy, row.instrument), row.rules()) for row in self.scopes]
        return Exits(((Scope(), self.rules()), *scoped), self.breach_state)


def read_exits(text: str, strategies: int) -> Exits:
    """`strategies` is how many there are. Errors: InputError naming the file and the rule."""
    try:
        exits = ExitsFile.model_validate(json.loads(Path(text).read_text(), parse_float=Decimal)).exits()
    except OSError as error:
        raise InputError(f"--exits {text}: {error.strerror}; give a JSON file") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"--exits {text}: {wrong}") from None
    except ValueError as error:
        raise InputError(f"--exits {text}: not JSON: {error}") from error
    if wrong := "; ".join(_faults(exits, strategies)):
        raise InputError(f"--exits {text}: {wrong}")
    return exits


def check_symbols(exits: Exits, catalogue: Catalogue) -> None:
    """Errors: InputError naming an instrument that neither the reference data nor the files have."""
    for scope, _ in exits.rules:
        if scope.symbol and catalogue.lookup(scope.symbol) is None:
            raise InputError(f"--exits: scopes: there is no instrument {scope.symbol!r}")


def _faults(exits: Exits, strategies: int) -> Iterator[str]:
    scopes = [scope for scope, _ in exits.rules]
    for scope, rules in exits.rules:
        yield from (f"{name} {what}" for name, what in faults(scope, rules))
        if scope.strategy is not None and not 0 <= scope.strategy < strategies:
            yield f"scopes: there is no strategy {scope.strategy}"
    if len(set(scopes)) < len(scopes):
        yield "scopes: each strategy and instrument, and what has neither, stands there once"

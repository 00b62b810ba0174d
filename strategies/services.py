"""What people and the house do to strategies: create, configure, start, stop, quarantine.

Each takes effect at one tick, which the sequencer of the market gives to the control.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Max

from alphapanda.errors import InputError
from alphapanda.events import StrategyControlled, envelope, publish
from portfolio.models import Portfolio
from strategies.configuration import known_types
from strategies.models import Control, Strategy, StrategyVersion
from strategies.registry import plain
from trading import models as trading

Status = Strategy.Status


def create_strategy(
    portfolio: Portfolio,
    name: str,
    type_name: str,
    parameters: dict[str, Any],
    instruments: Iterable[trading.Instrument] = (),
) -> Strategy:
    """A strategy with its first version, not started. Errors: InputError naming what is wrong."""
    given = checked(type_name, parameters)
    with transaction.atomic():
        Portfolio.objects.select_for_update(no_key=True).get(pk=portfolio.pk)
        if portfolio.strategies.filter(name=name).exists():
            raise InputError(f"name: portfolio {portfolio.name!r} has a strategy {name!r} already")
        last = portfolio.strategies.aggregate(last=Max("ordinal"))["last"]
        ordinal = 0 if last is None else last + 1
        strategy = Strategy.objects.create(portfolio=portfolio, name=name, ordinal=ordinal)
        strategy.instruments.set(instruments)
        StrategyVersion.objects.create(strategy=strategy, number=1, type=type_name, parameters=given)
    return strategy


def checked(type_name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """All parameters of a type as JSON, defaults filled in. Errors: InputError."""
    return plain(known_types().parameters(type_name, parameters))


def current_version(strategy: Strategy) -> StrategyVersion:
    return strategy.versions.order_by("-number")[0]


def configure(strategy: Strategy, type_name: str, parameters: dict[str, Any]) -> StrategyVersion:
    """Makes a new version unless nothing changes; a running strategy takes it over at one tick."""
    given = checked(type_name, parameters)
    with transaction.atomic():
        held = _locked(strategy)
        current = current_version(held)
        if (current.type, current.parameters) == (type_name, given):
            return current
        version = StrategyVersion.objects.create(
            strategy=held, number=current.number + 1, type=type_name, parameters=given
        )
        if held.status == Status.RUNNING:
            _control(held, Control.Kind.VERSION, version)
    return version


def renew(strategy: Strategy) -> None:
    """A running strategy takes over a change of its instruments at one tick."""
    with transaction.atomic():
        held = _locked(strategy)
        if held.status == Status.RUNNING:
            _control(held, Control.Kind.VERSION, current_version(held))


def start(strategy: Strategy) -> None:
    """Also releases from quarantine. Errors: InputError when its configuration cannot run."""
    with transaction.atomic():
        held = _locked(strategy)
        version = current_version(held)
        checked(version.type, version.parameters)
        if held.status == Status.RUNNING:
            return
        _control(held, Control.Kind.START, version)
        _set_status(held, Status.RUNNING)


def stop(strategy: Strategy, reason: str = "") -> None:
    """Cancels what is resting at its tick, keeps positions."""
    with transaction.atomic():
        held = _locked(strategy)
        if held.status != Status.RUNNING:
            return
        _control(held, Control.Kind.STOP, None, reason)
        _set_status(held, Status.STOPPED, reason)


def quarantine(strategy_id: int, from_tick: int, reason: str) -> None:
    """Called by the shard in the transaction that ends at the fault's tick; met again it is a no-op."""
    held = _locked(Strategy(pk=strategy_id))
    kind = Control.Kind.QUARANTINE
    if Control.objects.filter(strategy=held, kind=kind, from_tick=from_tick).exists():
        return
    _control(held, kind, None, reason, from_tick)
    _set_status(held, Status.QUARANTINED, reason)


def _locked(strategy: Strategy) -> Strategy:
    return Strategy.objects.select_for_update(of=("self",), no_key=True).select_related("portfolio").get(pk=strategy.pk)


def _set_status(strategy: Strategy, status: str, reason: str = "") -> None:
    Strategy.objects.filter(pk=strategy.pk).update(status=status, status_reason=reason)


def _control(
    strategy: Strategy,
    kind: Control.Kind,
    version: StrategyVersion | None,
    reason: str = "",
    from_tick: int | None = None,
) -> None:
    Control.objects.create(
        market_id=strategy.portfolio.market_id,
        strategy=strategy,
        version=version,
        kind=kind,
        reason=reason,
        from_tick=from_tick,
    )
    event = StrategyControlled(
        portfolio_id=strategy.portfolio_id,
        strategy_id=strategy.pk,
        kind=kind,
        from_tick=from_tick,
        reason=reason[:500],
    )
    transaction.on_commit(lambda: publish([envelope(event, "strategies", strategy.portfolio_id)]))

"""A portfolio's watch, opened with its book under the lock and saved in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self
from uuid import UUID

import msgspec
from django.db.models import QuerySet

from alphapanda import bulk
from alphapanda.prepared import prepared
from alphapanda.rows import new
from alphapanda.statements import Asked, ask
from portfolio.models import Portfolio
from risk import models
from risk.exit_services import exits_from
from risk.exits import EXIT_RULES, Breach, Exits, Scope
from risk.halt import HaltState
from risk.memory import Memory
from risk.outlook import take_outlook
from risk.past import halts_in_force
from risk.watch import Flattening, Watch
from strategies.models import Signal, Strategy, StrategyVersion
from strategies.records import signal_row
from strategies.signal import Signal as SignalValue
from trading.bookkeeping import OpenBook
from trading.reference import INSTRUMENTS

_MEMORY = "SELECT state::text FROM risk_watchmemory WHERE portfolio_id = %s"


class _Parts(NamedTuple):
    memory: Asked[tuple[str]]
    rules: Asked[models.ExitRules]
    versions: Asked[tuple[int, UUID]]
    halts: Asked[models.Halt]

    @classmethod
    def of(cls, portfolio: int) -> Self:
        memory = Asked(_MEMORY, [portfolio], list)
        return cls(memory, _rules.later(portfolio), _versions.later(portfolio), halts_in_force.later(portfolio))


def open_watch(opened: OpenBook, seen: int, before: int, *more: Asked[Any]) -> Watch:
    """Of a watched portfolio, up to `before` a signal that is to be decided. What is new looks from behind `seen` on,
    never at the past. What else is asked is answered.
    """
    portfolio, book = opened.portfolio, opened.book
    known = {*(instrument for _, instrument in book.positions), *(order.instrument.id for order in book.working)}
    book.instruments |= {instrument: INSTRUMENTS[instrument] for instrument in known}
    ask(*(parts := _Parts.of(portfolio.pk)), *more)
    exits = exits_from((_scope(row, opened), row) for row in parts.rules.rows)
    watch = _as_left(opened, exits, before, parts) or _loaded(opened, exits, seen, parts)
    watch.ids = {opened.ordinal(strategy): version for strategy, version in parts.versions.rows}
    return watch


def _as_left(opened: OpenBook, exits: Exits, before: int, parts: _Parts) -> Watch | None:
    """As this process left it, and has looked on with it since; what it has seen is not looked at again. None where it
    would see anything else now.
    """
    left = take_outlook(opened.portfolio, opened.book)
    if left is None or left.seen >= before or left.watch.exits != exits or not parts.memory.rows:
        return None
    if left.watch.is_leaving or any(halt.flatten or halt.rule in EXIT_RULES for halt in parts.halts.rows):
        return None
    opened.book.clock = left.seen
    left.watch.go_on()
    return left.watch


def _loaded(opened: OpenBook, exits: Exits, seen: int, parts: _Parts) -> Watch:
    book, states = opened.book, [msgspec.json.decode(state) for (state,) in parts.memory.rows]
    memory = Memory.load(states[0]) if states else Memory.of(book, from_tick=seen + 1 if book.positions else 0)
    return Watch(book, exits, {}, memory, **_halts(opened, memory, seen, parts.halts.rows))


def _halts(opened: OpenBook, memory: Memory, seen: int, halts: Sequence[models.Halt]) -> dict[str, Any]:
    """What of those in force the watch has brought about, or is to carry out."""
    broken = [halt for halt in halts if halt.portfolio_id == opened.portfolio.pk and halt.rule in EXIT_RULES]
    flattening = [_flattening(h, opened, memory, seen) for h in halts if h.flatten and h.flat_at is None]
    return {"halted": _broken(broken[-1]) if broken else None, "flattening": flattening}


@prepared
def _rules(portfolio: int) -> QuerySet[models.ExitRules]:
    return models.ExitRules.objects.filter(portfolio=portfolio)


@prepared
def _versions(portfolio: int) -> QuerySet[StrategyVersion, tuple[int, UUID]]:
    """The newest of each strategy."""
    versions = StrategyVersion.objects.filter(strategy__portfolio=portfolio)
    return versions.order_by("strategy", "-number").distinct("strategy").values_list("strategy", "pk")


def _scope(row: models.ExitRules, opened: OpenBook) -> Scope:
    strategy = None if row.strategy_id is None else opened.ordinal(row.strategy_id)
    return Scope(strategy, None if row.instrument_id is None else INSTRUMENTS[row.instrument_id].symbol)


def save_watch(opened: OpenBook, watch: Watch) -> tuple[list[Signal], models.Halt | None]:
    """Rows of what it said, and the halt that a broken rule has brought about."""
    keep_memory(opened, watch)
    rows = [_signal_row(signal, opened, watch) for signal in watch.take()]
    bulk.insert(rows)
    return rows, _new_halt(opened.portfolio, watch)


def keep_memory(opened: OpenBook, watch: Watch) -> None:
    """Also while the clock stands: a flattening halt counts from when it was first seen."""
    row = new(models.WatchMemory, portfolio_id=opened.portfolio.pk, state=watch.memory.dump())
    bulk.put([row], ["portfolio_id"], ["state"])


def restart(portfolio_id: int) -> None:
    """After a person has lifted what a rule has halted: losses count from here. Call it under the lock."""
    for row in models.WatchMemory.objects.filter(portfolio=portfolio_id):
        memory = Memory.load(row.state)
        memory.restart()
        models.WatchMemory.objects.filter(pk=row.pk).update(state=memory.dump())


def _broken(halt: models.Halt) -> tuple[Breach, HaltState]:
    return Breach(halt.rule, halt.limit, halt.observed), HaltState(halt.state)


def _flattening(halt: models.Halt, opened: OpenBook, memory: Memory, seen: int) -> Flattening:
    strategy = None if halt.strategy_id is None else opened.ordinal(halt.strategy_id)
    from_tick = memory.flattening.setdefault(halt.pk, seen + 1)
    return Flattening(Scope(strategy), halt.reason, from_tick)


def _signal_row(signal: SignalValue, opened: OpenBook, watch: Watch) -> Signal:
    strategy = Strategy(pk=opened.ids[signal.strategy], portfolio_id=opened.portfolio.pk)
    row = signal_row(signal, strategy, watch.ids[signal.strategy], opened.portfolio.market_id)
    row.is_decided = True
    return row


def _new_halt(portfolio: Portfolio, watch: Watch) -> models.Halt | None:
    if watch.broken_at is None or watch.halted is None:
        return None
    breach, state = watch.halted
    return models.Halt.objects.create(
        portfolio=portfolio,
        state=state,
        reason=str(breach),
        rule=breach.rule,
        limit=breach.limit,
        observed=breach.observed,
        tick=watch.broken_at.number,
    )

"""A portfolio's watch, opened with its book under the lock and saved in the same transaction."""

from __future__ import annotations

from uuid import UUID

from alphapanda import bulk
from portfolio.models import Portfolio
from risk import models
from risk.exit_services import being_flattened, exits_value
from risk.exits import Breach, Scope
from risk.halt import HaltState
from risk.memory import Memory
from risk.watch import Flattening, Watch
from strategies.models import Signal, Strategy, StrategyVersion
from strategies.records import signal_row
from strategies.signal import Signal as SignalValue
from trading.bookkeeping import OpenBook
from trading.reference import INSTRUMENTS

EXIT_RULES = ("daily_loss", "drawdown")  # what halts at a tick, in a backtest as well


def open_watch(opened: OpenBook, seen: int) -> Watch | None:
    """None where nothing is to be looked at. What is new looks from behind `seen` on, never at the past."""
    portfolio, book = opened.portfolio, opened.book
    if not portfolio.is_watched:
        return None
    book.is_watched = True
    known = {*(instrument for _, instrument in book.positions), *(order.instrument.id for order in book.working)}
    book.instruments |= {instrument: INSTRUMENTS[instrument] for instrument in known}
    row = models.WatchMemory.objects.filter(portfolio=portfolio).first()
    memory = Memory.load(row.state) if row else Memory.of(book, from_tick=seen + 1 if book.positions else 0)
    watch = Watch(book, exits_value(portfolio), _versions(opened), memory)
    watch.halted = _broken(portfolio)
    watch.flattening = [_flattening(halt, opened, memory, seen) for halt in being_flattened(portfolio)]
    return watch


def save_watch(opened: OpenBook, watch: Watch) -> tuple[list[Signal], models.Halt | None]:
    """Rows of what it said, and the halt that a broken rule has brought about."""
    keep_memory(opened, watch)
    rows = [_signal_row(signal, opened, watch) for signal in watch.take()]
    bulk.insert(rows)
    return rows, _new_halt(opened.portfolio, watch)


def keep_memory(opened: OpenBook, watch: Watch | None) -> None:
    """Also while the clock stands: a flattening halt counts from when it was first seen."""
    if watch is not None:
        models.WatchMemory.objects.update_or_create(portfolio=opened.portfolio, defaults={"state": watch.memory.dump()})


def restart(portfolio_id: int) -> None:
    """After a person has lifted what a rule has halted: losses count from here. Call it under the lock."""
    for row in models.WatchMemory.objects.filter(portfolio=portfolio_id):
        memory = Memory.load(row.state)
        memory.restart()
        models.WatchMemory.objects.filter(pk=row.pk).update(state=memory.dump())


def _versions(opened: OpenBook) -> dict[int, UUID]:
    newest = StrategyVersion.objects.filter(strategy__in=opened.ids.values()).order_by("number")
    return dict(newest.values_list("strategy__ordinal", "pk"))


def _broken(portfolio: Portfolio) -> tuple[Breach, HaltState] | None:
    halt = models.Halt.objects.filter(portfolio=portfolio, rule__in=EXIT_RULES, lifted_at=None).first()
    return None if halt is None else (Breach(halt.rule, halt.limit, halt.observed), HaltState(halt.state))


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

"""Deciding under the portfolio's lock, and halting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from alphapanda import bulk
from alphapanda.connection import gathered
from alphapanda.errors import InputError
from alphapanda.events import HaltChanged, envelope, publish
from alphapanda.prepared import prepared
from alphapanda.statements import nothing, together
from portfolio.models import Portfolio
from risk import models, past, records
from risk.about import About, decider_of, still_needed
from risk.decide import Decider, behind_clock
from risk.exit_services import note_watched
from risk.exits import EXIT_RULES, Breach
from risk.halt import HaltState
from risk.outlook import note_outlook
from risk.watch import Watch
from risk.watching import keep_memory, open_watch, restart, save_watch
from strategies.models import Signal, Strategy
from strategies.records import signal_event, signal_value
from strategies.signal import Signal as SignalValue
from trading.advance import Stop, advance
from trading.bookkeeping import OpenBook, locked, locked_book, may_be_lost, save_book, ticks_for
from trading.services import MOST_TICKS, cancel_resting, move, settle, stops_up_to

MOST_SIGNALS = 200  # of one transaction; a stage must stay well below its time limit
MOST_WATCHED_TICKS = 10_000  # each may be looked at by exit rules, which takes 10 to 100 µs


def decide(
    portfolio_id: int, seen: int, *, waits: bool = True, first: Callable[[], None] = nothing, about: About | None = None
) -> bool:
    """Decides some of what is undecided up to `seen`, in order, and matches working orders as far as that goes. What is
    written `first`, such as signals, is in the same transaction; what they are `about` is asked with all else.

    Returns whether there is more to decide: the work of one call is bounded in signals and in ticks.

    Errors: LogGapError when the log must be read again first; OperationalError when others have what is needed, unless
    it `waits`. Nothing is written then.
    """
    undecided = _next_undecided.later(portfolio_id, seen)
    with gathered(), transaction.atomic():
        opened = locked_book(portfolio_id, undecided, *(about.queries if about else ()), waits=waits, first=first)
        rows, until = _within_reach(opened.portfolio, undecided.rows, seen)
        if opened.portfolio.is_watched:
            return _follow(opened, rows, until, seen, about)
        if rows and rows[0].tick <= until:
            _decide(opened, rows, until, about)
        elif rows:
            move(opened, rows[0].tick - 1)
    return bool(rows) and until < seen


def _follow(opened: OpenBook, rows: list[Signal], until: int, seen: int, about: About | None) -> bool:
    """Where exit rules look, the clock is moved here, tick by tick while anything is held."""
    opened.book.is_watched = True
    more = still_needed(opened, rows, about)
    before = min([until + 1, *(row.tick for row in rows[:1])])
    watch = open_watch(opened, seen, before, *(more.queries if more else ()))
    transaction.on_commit(partial(note_outlook, opened.portfolio, watch))
    if not rows or rows[0].tick > until:
        if not opened.book.is_waiting:
            until = rows[0].tick - 1 if rows else seen
        rows = []
    if rows or until > opened.portfolio.clock:
        _decide(opened, rows, until, more or about, watch)
    else:
        keep_memory(opened, watch)
    return until < seen


def _within_reach(portfolio: Portfolio, rows: list[Signal], seen: int) -> tuple[list[Signal], int]:
    """Of the next undecided signals those to decide now, and the tick up to which they are all that is undecided.

    Never only a part of those of one tick; where the first is out of reach, it alone and how far the reach is.
    """
    until = min(seen, portfolio.clock + (MOST_WATCHED_TICKS if portfolio.is_watched else MOST_TICKS))
    if not rows or rows[0].tick > until:
        return rows[:1], until
    if len(rows) > MOST_SIGNALS:
        until = min(until, max(rows[0].tick, rows[-1].tick - 1))
    if len(rows) > MOST_SIGNALS and until >= rows[-1].tick:
        return list(_ordered(portfolio.pk, until)), until
    return [row for row in rows if row.tick <= until], until


@prepared
def _next_undecided(portfolio: int, seen: int) -> QuerySet[Signal]:
    return _ordered(portfolio, seen)[: MOST_SIGNALS + 1]


def _ordered(portfolio: int, until: int) -> QuerySet[Signal]:
    waiting = Signal.objects.filter(portfolio=portfolio, is_decided=False, tick__lte=until)
    return waiting.order_by("tick", "strategy__ordinal", "n")


def _decide(
    opened: OpenBook, rows: Sequence[Signal], until: int, about: About | None, watch: Watch | None = None
) -> None:
    clock = opened.book.clock
    values = [signal_value(row, opened.ordinal(row.strategy_id)) for row in rows]
    due = [value for value in values if value.tick > clock]
    decider = decider_of(opened, rows, about)
    decider.watch = watch
    decider.decisions += [behind_clock(value, clock) for value in values if value.tick <= clock]
    if due or watch:
        _advance(opened, decider, due, until)
    _save(opened, decider, rows)


def _advance(opened: OpenBook, decider: Decider, due: list[SignalValue], until: int) -> None:
    stops = stops_up_to(opened, until)
    events: list[SignalValue | Stop] = sorted([*due, *(stop for _, stop in stops)], key=lambda e: (e.tick, e.turn))
    after = opened.book.clock if opened.book.is_waiting else events[0].tick if events else until
    watched = opened.book.watched | {signal.instrument.id for signal in due}
    advance(opened.book, ticks_for(opened, after, until, watched), events, until, decider.act, decider.watch)
    settle(control for control, _ in stops)


def _save(opened: OpenBook, decider: Decider, signals: Sequence[Signal]) -> None:
    version = next(scope.version for scope in decider.limits.scopes if scope.kind == "portfolio")
    with together(is_last=True):
        decisions, said = decider.decisions, _save_watch(opened, decider.watch)
        if not (decisions or said or _is_moved(opened, decider)):
            may_be_lost(opened)
        by_id = {row.pk: row for row in [*signals, *said]}
        rows = [records.decision_row(d, by_id[d.signal.id], version) for d in decisions]
        placed = records.placed_in_order(o for d in decisions for o in records.new_orders(d, by_id[d.signal.id]))
        bulk.insert(rows)
        for signal in signals:
            signal.is_decided = True
        bulk.update(signals, ["is_decided"])
        save_book(opened, placed)
        past.count(rows, placed)
    transaction.on_commit(lambda: publish([*map(signal_event, said), *records.events(rows, placed)]))


def _is_moved(opened: OpenBook, decider: Decider) -> bool:
    """Whether more than the clock is."""
    is_leaving = decider.watch is not None and decider.watch.is_leaving
    return bool(opened.book.fills or opened.book.closed or is_leaving)


def _save_watch(opened: OpenBook, watch: Watch | None) -> list[Signal]:
    if watch is None:
        return []
    said, halt = save_watch(opened, watch)
    if halt:
        announce(halt, in_force=True)
    return said


def halt(
    user: User | None,
    portfolio: Portfolio | None,
    reason: str,
    state: HaltState = HaltState.HALTED,
    strategy: Strategy | None = None,
    *,
    flatten: bool = False,
    breach: Breach | None = None,
) -> models.Halt:
    """After its commit nothing is ordered in its scope (with REDUCING, nothing but exits); what was resting is
    cancelled with it. Latched until a person lifts it. With `flatten` it reduces until all is flat, then halts;
    `breach` is the trigger that asks for it. Errors: InputError naming what is wrong.
    """
    if not reason.strip():
        raise InputError("reason: say why it is halted")
    if strategy and (portfolio is None or strategy.portfolio_id != portfolio.pk):
        raise InputError("strategy: name its portfolio too")
    with transaction.atomic():
        for row in _halted(portfolio).order_by("pk"):
            cancel_resting(row.pk, strategy)
        made = models.Halt.objects.create(
            portfolio=portfolio,
            strategy=strategy,
            state=HaltState.REDUCING if flatten else state,
            reason=reason,
            flatten=flatten,
            created_by=user,
            **(asdict(breach) if breach else {}),
        )
        for row in _halted(portfolio) if flatten else ():
            note_watched(row.pk)
        announce(made, in_force=True)
    return made


def lift(halt: models.Halt, user: User | None, reason: str) -> None:
    """Errors: InputError when no reason is given."""
    if not reason.strip():
        raise InputError("reason: say why it is lifted")
    held = models.Halt.objects.filter(pk=halt.pk, lifted_at__isnull=True)
    with transaction.atomic():
        scope = [locked(row.pk) for row in _halted(halt.portfolio).order_by("pk")]
        if not held.update(lifted_at=Now(), lifted_by=user, lift_reason=reason):
            return
        for portfolio in scope:
            _after_lifting(halt, portfolio.pk)
        announce(halt, in_force=False)


def _after_lifting(halt: models.Halt, portfolio_id: int) -> None:
    if halt.rule in EXIT_RULES:
        restart(portfolio_id)
    if halt.flatten:
        note_watched(portfolio_id)


def _halted(portfolio: Portfolio | None) -> QuerySet[Portfolio]:
    return Portfolio.objects.filter(pk=portfolio.pk) if portfolio else Portfolio.objects.all()


def announce(halt: models.Halt, in_force: bool) -> None:
    event = HaltChanged(
        portfolio_id=halt.portfolio_id,
        strategy_id=halt.strategy_id,
        state=halt.state,
        in_force=in_force,
        reason=halt.reason,
    )
    transaction.on_commit(lambda: publish([envelope(event, "risk", halt.portfolio_id or "all")]))

"""Moving a portfolio's clock, cancelling, and the life of markets."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet

from alphapanda.connection import gathered
from alphapanda.errors import InputError
from alphapanda.events import EventEnvelope, OrderClosed, envelope, publish
from alphapanda.prepared import prepared
from strategies.models import Control, Signal, Strategy
from trading import models
from trading.advance import Stop, advance
from trading.bookkeeping import OpenBook, locked, locked_book, save_book, save_clock, ticks_for
from trading.order import OrderStatus

Kind = Control.Kind
MOST_TICKS = 50_000  # of one transaction, 6 s of the whole feed; a stage must stay well below its time limit
LAST_TURN = 2**31  # after every strategy


def execute(portfolio_id: int, seen: int, *, waits: bool = True) -> bool:
    """Matches working orders up to the first undecided signal or to `seen`, a bounded number of ticks at a time.

    Returns whether there is more to match.

    Errors: LogGapError when the log must be read again first; OperationalError when others have what is needed, unless
    it `waits`. Nothing is written then.
    """
    undecided = _first_undecided.later(portfolio_id)
    with gathered(), transaction.atomic():
        opened = locked_book(portfolio_id, undecided, waits=waits)
        if opened.portfolio.is_watched:
            return False  # exit rules look at every tick, so deciding moves the clock
        until = min([seen, *(tick - 1 for (tick,) in undecided.rows)])
        if until > opened.book.clock:
            move(opened, until)
    return opened.book.clock < until


@prepared
def _first_undecided(portfolio: int) -> QuerySet[Signal, tuple[int]]:
    undecided = Signal.objects.filter(portfolio=portfolio, is_decided=False)
    return undecided.order_by("tick").values_list("tick")[:1]


def move(opened: OpenBook, until: int) -> None:
    """Moves a locked portfolio's clock over ticks without undecided signals, a bounded number when it needs them."""
    book = opened.book
    if book.is_waiting:
        until = min(until, book.clock + MOST_TICKS)
    stops = stops_up_to(opened, until)
    ticks = ticks_for(opened, book.clock, until, book.watched) if book.is_waiting else ()
    advance(book, ticks, [s for _, s in stops], until, lambda stop: book.cancel(stop.strategy, stop.tick))
    settle(control for control, _ in stops)
    save = save_book if book.fills or book.closed or stops else save_clock
    save(opened)


def stops_up_to(opened: OpenBook, until: int) -> list[tuple[Control, Stop]]:
    """Controls that end a strategy at or before the end of a tick and whose orders still rest, in order."""
    return [(control, _stop(opened, control)) for control in opened.ends if (control.from_tick or 0) <= until + 1]


def _stop(opened: OpenBook, control: Control) -> Stop:
    ordinal = opened.ordinal(control.strategy_id)
    turn = ordinal if control.kind == Kind.QUARANTINE else LAST_TURN
    return Stop(max((control.from_tick or 0) - 1, opened.book.clock), ordinal, turn)


def settle(controls: Iterable[Control]) -> None:
    if settled := [control.pk for control in controls]:
        Control.objects.filter(pk__in=settled).update(is_settled=True)


def cancel_order(order: models.Order) -> None:
    """Cancels a working order at its portfolio's clock. Errors: InputError when it is closed already."""
    with transaction.atomic():
        portfolio = locked(order.portfolio_id)
        if not _cancel(models.Order.objects.filter(pk=order.pk), portfolio.clock):
            raise InputError(f"order {order.pk} is closed already")


def cancel_resting(portfolio_id: int, strategy: Strategy | None = None) -> int:
    """Cancels every working order of a portfolio, or of one strategy, at its clock; returns how many."""
    portfolio = locked(portfolio_id)
    orders = models.Order.objects.filter(portfolio=portfolio)
    return _cancel(orders.filter(strategy=strategy) if strategy else orders, portfolio.clock)


def _cancel(orders: QuerySet[models.Order], clock: int) -> int:
    working = list(orders.filter(status=OrderStatus.OPEN))
    ids = [order.pk for order in working]
    orders.filter(pk__in=ids).update(status=OrderStatus.CANCELLED, closed_tick=clock)
    transaction.on_commit(lambda: publish(_closed(order) for order in working))
    return len(ids)


def _closed(order: models.Order) -> EventEnvelope:
    event = OrderClosed(
        order_id=order.pk,
        portfolio_id=order.portfolio_id,
        status=OrderStatus.CANCELLED,
        filled=order.filled,
    )
    return envelope(event, "trading", order.portfolio_id, correlation=order.correlation_id)

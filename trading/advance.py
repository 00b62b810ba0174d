"""The portfolio's clock: backtest and pipeline move it with this one function.

At tick n: (1) orders placed before n are matched against n; (2) post-trade rules look; (3) what falls on n is
acted on (signals are decided, a stopped strategy's orders cancelled), in the order given.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from trading.book import Book
from trading.tick import Tick


class Event(Protocol):
    """Anything that happens to a portfolio after the matching of a tick."""

    @property
    def tick(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Stop:
    """A strategy stopped at `tick`: its resting orders are cancelled, its positions stay.

    One that failed stops in its turn among the signals of the tick; one that was stopped, after all of them.
    """

    tick: int
    strategy: int
    turn: int


E = TypeVar("E", bound=Event)


def no_look(_: Tick) -> Iterable[Any]:
    """Where no exit rules are on."""
    return ()


def advance(
    book: Book,
    ticks: Iterable[Tick],
    events: Sequence[E],
    until: int,
    act: Callable[[E], None],
    look: Callable[[Tick], Iterable[E]] = no_look,
) -> None:
    """Moves the book's clock to `until`.

    `ticks` are those of the log after the clock up to `until`, in order (what the book does not watch may be
    left out); `events` are sorted and none lies behind the clock; `look` says what exit rules make of a tick.
    """
    waiting = iter(events)
    event = next(waiting, None)
    for tick in ticks:
        while event is not None and event.tick < tick.number:
            act(event)
            event = next(waiting, None)
        is_watched = book.is_watched and book.watches(tick.instrument.id)
        if book.working:
            book.meet(tick)
        for made in look(tick) if is_watched else ():
            act(made)
    while event is not None:
        act(event)
        event = next(waiting, None)
    book.clock = max(book.clock, until)

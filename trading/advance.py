"""The portfolio's clock: backtest and pipeline move it with this one function.

At tick n: (1) orders placed before n are matched against n; (2) post-trade rules look; (3) what falls on n is
acted on (signals are decided, a stopped strategy's orders cancelled), in the order given.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from trading.book import Book
from trading.tick import Tick
from trading.ticks import Ticks

NEAR = 64  # ticks among which the next is looked for: a book may watch thousands of instruments


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
Made_co = TypeVar("Made_co", bound=Event, covariant=True)


class Looks(Protocol[Made_co]):
    """What exit rules make of the ticks of what a book watches."""

    def skip(self, ticks: Ticks, begin: int, end: int) -> int:
        """From a place on, the first tick with anything to do, or the end: what lies before it is taken in."""
        ...

    def look(self, tick: Tick) -> Iterable[Made_co]: ...


def advance(
    book: Book,
    batches: Iterable[Ticks],
    events: Sequence[E],
    until: int,
    act: Callable[[E], None],
    looks: Looks[E] | None = None,
) -> None:
    """Moves the book's clock to `until`.

    `batches` are the ticks of the log after the clock up to `until`, in order; `events` are sorted and none lies
    behind the clock; None looks where no exit rules are on.
    """

    def pass_over(ticks: Ticks, begin: int, end: int) -> int:
        """Shows the book what it watches between two places; nothing can happen elsewhere. Returns the end."""
        if looks and book.is_watched:
            _watch_over(book, looks, act, ticks, begin, end)
        else:
            _match(book, ticks, begin, end)
        return max(begin, end)

    waiting = deque(events)
    for ticks in batches:
        begin, first, last = 0, ticks.first, ticks.last
        while waiting and waiting[0].tick <= last:
            begin = pass_over(ticks, begin, waiting[0].tick + 1 - first)
            act(waiting.popleft())
        pass_over(ticks, begin, len(ticks))
    for event in waiting:
        act(event)
    book.clock = max(book.clock, until)


def _match(book: Book, ticks: Ticks, begin: int, end: int) -> None:
    while (watched := book.watched) and (place := ticks.find(watched, begin, end)) is not None:
        tick, begin = ticks.tick(place), place + 1
        book.meet(tick)


def _watch_over(book: Book, looks: Looks[E], act: Callable[[E], None], ticks: Ticks, begin: int, end: int) -> None:
    while book.is_waiting and (begin := looks.skip(ticks, begin, end)) < end:
        stop = min(begin + NEAR, end)
        place = ticks.find(book.watched, begin, stop)
        begin = stop if place is None else place + 1
        if place is not None:
            tick = ticks.tick(place)
            book.meet(tick)
            for made in looks.look(tick):
                act(made)

"""From a shard to the stages behind it: whom it wakes, and what of their work it does itself where it is on time, for
waking another process takes as long as its work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Set
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from itertools import islice
from time import monotonic, time
from typing import NamedTuple
from uuid import UUID

import structlog
from celery import current_app

from alphapanda.at_once import at_once
from alphapanda.connection import replies
from alphapanda.pipeline import shard_queue, wake_moving, wake_valuations
from alphapanda.wake import length_of, whether_woken
from risk import services
from risk.about import About
from risk.outlook import is_quiet
from strategies.moved import Moved
from strategies.seen import published_by, told
from strategies.waiting import waited_for
from trading.awaited import Awaited, hints_in, hints_of
from trading.markets import is_replay
from trading.recent import is_recent
from trading.session import SECOND, india_date

ON_TIME_SECONDS = 0.025  # that a tick has waited for its shard
MOST_HERE = 2  # portfolios, one after the other: a message takes 15 ms, deciding 5
QUIET_SECONDS = 0.02  # that others need not be told of ticks that nobody seems to wait for: each time takes 0.4 ms
LOOKED_SECONDS = 0.5  # since others have looked at what a portfolio holds: asked all the time, they do nothing else
NEAR_TICKS = 5_000  # that its clock may be behind where they must be read from Redis: that takes some milliseconds


class Step(NamedTuple):
    """What a portfolio has to do: to decide, or to match; `correlation` is that of a signal."""

    portfolio: int
    is_to_decide: bool
    correlation: UUID | None = None

    def wake(self) -> None:
        wake_moving(self.portfolio, is_to_decide=self.is_to_decide, correlation=self.correlation)

    def take(self, seen: int) -> None:
        """Does it here; what ticks later the shard's next look finds."""
        stage = current_app.tasks["risk.decide" if self.is_to_decide else "trading.execute"]
        with _correlated(self.correlation):
            is_more = at_once(self.portfolio, partial(stage.run, self.portfolio, seen=seen))
        if is_more is None:
            self.wake()
        elif is_more and not self.is_to_decide:
            wake_valuations([self.portfolio])


@lru_cache(maxsize=256)
def handover(market: UUID, shard: int) -> Handover:
    """This process'; one that was forgotten learns again who waits."""
    return Handover(market, shard)


class Handover:
    """Of one shard; `hints` say which portfolios wait for what, as of the last time that others were told, if they ever
    were: they hold for a moment, `hold_until`; `refused` is a portfolio that could not be joined just now, for the
    clock of those that are `waited` for strategies wait.
    """

    def __init__(self, market: UUID, shard: int) -> None:
        self._place = market, shard
        self._hints: dict[int, Awaited] = {}
        self._has_told = False
        self._hold_until = 0.0
        self._refused: int | None = None
        self._waited: set[int] = set()

    def join(self, moved: Moved, write: Callable[[], None]) -> bool:
        """Before a shard's commit: `write`s new signals in the transaction that decides those of one portfolio, where
        few have something to do. That is a commit and three ways to servers less; others would wait for it. Returns
        whether they are committed; a portfolio that has nothing left to decide is taken out of those that signalled.
        """
        portfolio = self._refused = self._first(moved) if self._is_on_time(moved) else None
        if portfolio is None:
            return False
        with _correlated(moved.signalled[portfolio]):
            about = self._about(portfolio, moved)
            decide = partial(services.decide, portfolio, moved.seen, waits=False, first=write, about=about)
            is_more = at_once(portfolio, decide)
        if is_more is None:
            return False
        self._refused = None
        if not is_more:
            del moved.signalled[portfolio]
        return True

    def hand_on(self, moved: Moved) -> bool:
        """After its commit: portfolios with signals, and those whose orders wait for what has ticked. The first of them
        are worked on here; the next ticks must not wait for more. Returns whether another market's shard waits for this
        worker.
        """
        market, shard = self._place
        others = length_of(shard_queue(shard)), whether_woken(f"evaluate:{market}:{shard}")
        known = hints_in(*self._place), published_by(*self._place), waited_for(*self._place)
        texts, published, waited, messages, own = replies(*known, *others)
        self._hints, self._has_told, seen = hints_of(texts), True, told(published)
        self._waited = {int(portfolio) for portfolio in waited}
        self._hold_until = monotonic() + QUIET_SECONDS
        steps, refused, self._refused = self._steps(moved, seen), self._refused, None
        mine = self._mine(steps, seen, refused) if self._is_on_time(moved) else []
        for step in steps:
            if step not in mine:
                step.wake()
        if mine:
            replies()  # the others begin meanwhile
            self._take(mine, moved, seen)
            self._hold_until = 0.0  # these wait for something else now
            messages, own = replies(*others)
        return bool(messages > own)

    def waits(self, ticked: Set[int]) -> bool:
        """Whether others are to be told of ticks of these instruments: someone seems to wait for them, it is a while
        that they were told of any, or a replay, where all wait.
        """
        return monotonic() > self._hold_until or is_replay(self._place[0]) or bool(self._waiting(ticked))

    def _waiting(self, ticked: Set[int]) -> set[int]:
        """Portfolios that have something to do: of what is watched those where something may strike."""
        waiting = (portfolio for portfolio, hint in self._hints.items() if hint.waits_for(ticked))
        return {portfolio for portfolio in waiting if not self._may_rest(portfolio, ticked)}

    def _may_rest(self, portfolio: int, ticked: Set[int]) -> bool:
        """Whether nothing is filled and no exit rule strikes; where that is not known, others have looked just now. A
        replay is held back by every clock.
        """
        hint = self._hints[portfolio]
        if not hint.is_watched or hint.instruments is None or hint.may_fill(ticked) or portfolio in self._waited:
            return False
        quiet = is_quiet(portfolio, self._place, hint.clock)
        return abs(time() - hint.at) < LOOKED_SECONDS if quiet is None else quiet

    def _steps(self, moved: Moved, seen: int) -> list[Step]:
        """Of portfolios that have something to do."""
        steps = [Step(portfolio, True, correlation) for portfolio, correlation in moved.signalled.items()]
        for portfolio in sorted(self._waiting(moved.ticked) - moved.signalled.keys()):
            if (hint := self._hints[portfolio]).clock < seen:
                steps.append(Step(portfolio, hint.is_watched))
        return steps

    def _mine(self, steps: Iterable[Step], seen: int, refused: int | None) -> list[Step]:
        """The first whose ticks are at hand, but for who was just refused."""
        near = (step for step in steps if step.portfolio != refused and self._is_near(step.portfolio, seen))
        return list(islice(near, MOST_HERE))

    def _take(self, steps: Iterable[Step], moved: Moved, seen: int) -> None:
        """One after the other, while there is time; who is left then, or because of an interruption, is woken."""
        left = deque(steps)
        try:
            while left and self._is_on_time(moved):
                left.popleft().take(seen)
        finally:
            for step in left:
                step.wake()

    def _is_on_time(self, moved: Moved) -> bool:
        return time() - moved.arrival / SECOND < ON_TIME_SECONDS and not is_replay(self._place[0])

    def _first(self, moved: Moved) -> int | None:
        """A portfolio that has signals, where no more have, or seem to wait for what has ticked, than are worked on."""
        if not (self._has_told and moved.signalled):
            return None
        some = self._waiting(moved.ticked) | moved.signalled.keys()
        portfolio, is_few = next(iter(moved.signalled)), len(some) <= MOST_HERE
        return portfolio if is_few and self._is_near(portfolio, moved.seen) else None

    def _about(self, portfolio: int, moved: Moved) -> About:
        """What its signals are likely to be about; if they are not, it is asked again."""
        hint = self._hints.get(portfolio)
        awaited = hint.instruments if hint and hint.instruments else ()
        return About.of(portfolio, {*moved.wanted, *awaited}, {india_date(moved.arrival)})

    def _is_near(self, portfolio: int, seen: int) -> bool:
        hint = self._hints.get(portfolio)
        return hint is None or seen - hint.clock < NEAR_TICKS or is_recent(self._place, hint.clock, seen)


def _correlated(correlation: UUID | None) -> AbstractContextManager[object]:
    """What is logged inside says which signal it is about."""
    return structlog.contextvars.bound_contextvars(correlation_id=correlation and str(correlation))

"""Which instruments' ticks a portfolio waits for: hints in Redis for waking. The sweep asks rows and last prices."""

from __future__ import annotations

from collections.abc import Mapping, Set
from time import time
from uuid import UUID

import msgspec

from alphapanda.connection import Command, connection, key, tell
from portfolio.models import Portfolio
from strategies.seen import market_and_shard, seen_for
from trading.book import Book
from trading.log import MarketLog
from trading.markets import is_replay, last_tick


class Awaited(msgspec.Struct):
    """None stands for all instruments: a replay is held back by every clock. Of a watched portfolio orders wait for
    those in `working`, the others are held. `at` is when that was noted (seconds since the epoch).
    """

    instruments: list[int] | None
    is_watched: bool
    clock: int
    working: list[int] = []
    at: float = 0.0

    def waits_for(self, ticked: Set[int]) -> bool:
        """For any of these instruments."""
        return self.instruments is None or not ticked.isdisjoint(self.instruments)

    def may_fill(self, ticked: Set[int]) -> bool:
        return not ticked.isdisjoint(self.working)


def note_awaited(portfolio: Portfolio, book: Book) -> None:
    name = key("awaited", portfolio.market_id, portfolio.shard)
    is_bound = is_replay(portfolio.market_id)
    if is_bound or book.is_waiting:
        instruments = None if is_bound else sorted(book.watched)
        working = [*book.working.of] if book.is_watched else []
        hint = Awaited(instruments, book.is_watched, book.clock, working, time())
        tell(lambda redis: redis.hset(name, str(portfolio.pk), msgspec.json.encode(hint)))
    else:
        tell(lambda redis: redis.hdel(name, str(portfolio.pk)))


def hints_in(market: UUID, shard: int) -> Command:
    """For `hints_of`."""
    return lambda redis: redis.hgetall(key("awaited", market, shard))


def hints_of(texts: Mapping[bytes, bytes]) -> dict[int, Awaited]:
    """By portfolio."""
    return {int(portfolio): _read(text) for portfolio, text in texts.items()}


def hint_of(portfolio_id: int) -> Command:
    """For `may_match` and `has_ended`: what a portfolio waits for, and its clock."""
    return lambda redis: redis.hget(key("awaited", *market_and_shard(portfolio_id)), str(portfolio_id))


def may_match(portfolio_id: int, hint: bytes | None, seen: int) -> bool:
    """Whether something that a portfolio waits for may have ticked behind its clock, up to where its shard is or was
    before Redis lost that; a replay's is every tick.
    """
    if hint is None:
        return False
    waiting = _read(hint)
    if waiting.clock >= (seen or seen_for(portfolio_id)):  # a replay is valued once more at its end, behind a matching
        return has_ended(portfolio_id, hint)
    if waiting.instruments is None:
        return True
    if waiting.is_watched:
        return False  # deciding matches it, where its shard looks
    log = MarketLog(connection(), market_and_shard(portfolio_id)[0])
    return log.have_ticked(waiting.instruments, waiting.clock)


def has_ended(portfolio_id: int, hint: bytes | None) -> bool:
    """Whether a portfolio has come to the end of its replay."""
    return hint is not None and is_end(portfolio_id, _read(hint).clock)


def is_end(portfolio_id: int, clock: int) -> bool:
    last = last_tick(market_and_shard(portfolio_id)[0])
    return last is not None and clock >= last


def _read(hint: bytes) -> Awaited:
    """One that another version has left may stand for anything."""
    try:
        return msgspec.json.decode(hint, type=Awaited)
    except msgspec.MsgspecError:
        return Awaited(None, is_watched=False, clock=0)

"""Which instruments' ticks a portfolio waits for: hints in Redis for waking. The sweep knows for sure, from rows."""

from __future__ import annotations

from collections.abc import Set
from typing import cast
from uuid import UUID

import msgspec

from alphapanda.connection import connection, key
from portfolio.models import Portfolio
from strategies.seen import market_and_shard
from trading.book import Book
from trading.log import MarketLog
from trading.markets import is_replay


class Awaited(msgspec.Struct):
    """None stands for all instruments: a replay is held back by every clock."""

    instruments: list[int] | None
    is_watched: bool
    clock: int


def note_awaited(portfolio: Portfolio, book: Book) -> None:
    name = key("awaited", portfolio.market_id, portfolio.shard)
    is_bound = is_replay(portfolio.market_id)
    if is_bound or book.is_waiting:
        hint = Awaited(None if is_bound else sorted(book.watched), book.is_watched, book.clock)
        connection().hset(name, str(portfolio.pk), msgspec.json.encode(hint))
    else:
        connection().hdel(name, str(portfolio.pk))


def awaiting(market: UUID, shard: int, ticked: Set[int]) -> dict[int, bool]:
    """Portfolios that wait for ticks of any of these instruments, and whether exit rules look at them."""
    waiting = cast("dict[bytes, bytes]", connection().hgetall(key("awaited", market, shard)))
    hints = {int(portfolio): _read(hint) for portfolio, hint in waiting.items()}
    return {
        portfolio: hint.is_watched
        for portfolio, hint in hints.items()
        if hint.instruments is None or not ticked.isdisjoint(hint.instruments)
    }


def may_match(portfolio_id: int) -> bool:
    """Whether something that a portfolio waits for may have ticked behind its clock."""
    market, shard = market_and_shard(portfolio_id)
    hint = cast("bytes | None", connection().hget(key("awaited", market, shard), str(portfolio_id)))
    if hint is None:
        return False
    waiting = _read(hint)
    log = MarketLog(connection(), market)
    return waiting.instruments is None or log.have_ticked(waiting.instruments, waiting.clock)


def _read(hint: bytes) -> Awaited:
    """One that another version has left may stand for anything."""
    try:
        return msgspec.json.decode(hint, type=Awaited)
    except msgspec.MsgspecError:
        return Awaited(None, is_watched=False, clock=0)

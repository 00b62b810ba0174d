"""The numbers of the live view: cheap at any length of history, and never in the way of the supervisor."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from time import monotonic, time
from typing import NoReturn
from uuid import UUID

import msgspec

from alphapanda.connection import connection, key
from alphapanda.live_view import HouseStatus
from alphapanda.metrics import inserted
from portfolio.models import Portfolio
from trading.log import MarketLog
from trading.models import Gap, Market

LOOK_SECONDS = 1.0


class Numbers:
    """Remembers the last look, because a speed needs two."""

    def __init__(self) -> None:
        self._tails: dict[UUID, int] = {}
        self._looked_at = monotonic()

    def look(self) -> HouseStatus:
        """Errors: django.db.Error, RedisError, TimeoutError when the servers do not answer (in time)."""
        with within(LOOK_SECONDS):
            counts = inserted()
            return HouseStatus(
                ticks_per_second=self._ticks_per_second(),
                lag_seconds=lag_seconds(),
                signals=counts["signals"],
                decisions=counts["decisions"],
                fills=counts["fills"],
                equity=equity(),
            )

    def _ticks_per_second(self) -> float:
        before, now = self._tails, monotonic()
        self._tails = {market: MarketLog(connection(), market).tail() for market in _active_markets()}
        ticks = sum(_ticks_between(market, before.get(market, tail), tail) for market, tail in self._tails.items())
        seconds, self._looked_at = now - self._looked_at, now
        return ticks / seconds if seconds else 0.0


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Interrupts what takes longer: a frozen server must not hold the one thread of the supervisor.

    Main thread only. Errors: TimeoutError.
    """

    def give_up(*_: object) -> NoReturn:
        raise TimeoutError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def lag_seconds() -> float | None:
    """Age of the last tick of the market that is furthest behind; None before the first one."""
    now, ages = time(), []
    for market in _active_markets(with_replays=False):
        times = MarketLog(connection(), market).latest()["time"]
        ages += [now - int(times.max()) / 1_000_000] if len(times) else []
    return max(ages, default=None)


def equity() -> Decimal | None:
    """Of all portfolios in live and mock markets by their cached valuations; who holds nothing has cash."""
    rows = Portfolio.objects.filter(market__in=_active_markets(with_replays=False))
    cash = dict(rows.values_list("pk", "cash"))
    if not cash:
        return None
    cached = connection().mget([key("valuation", portfolio) for portfolio in cash])
    return sum((_equity(document, own) for document, own in zip(cached, cash.values(), strict=True)), Decimal(0))


def _equity(document: object, cash: Decimal) -> Decimal:
    if not isinstance(document, bytes):
        return cash
    return Decimal(msgspec.json.decode(document)["summary"]["equity"])


def _active_markets(*, with_replays: bool = True) -> list[UUID]:
    active = Market.objects.filter(is_active=True)
    if not with_replays:
        active = active.exclude(kind=Market.Kind.REPLAY)
    return list(active.values_list("pk", flat=True))


def _ticks_between(market: UUID, before: int, tail: int) -> int:
    """Numbers in a gap belong to no tick."""
    gaps = Gap.objects.filter(market=market, reader="", last__gt=before, first__lte=tail).values_list("first", "last")
    missing = sum(min(last, tail) - max(first, before + 1) + 1 for first, last in gaps)
    return max(0, tail - before - missing)

"""Does the market move through the house: feeds, shards, clocks, replays. What stands still, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from time import time
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from alphapanda.connection import connection, key
from portfolio.models import Portfolio
from strategies.models import Shard, Signal
from strategies.seen import seen_by
from trading.log import MarketLog
from trading.models import Market
from trading.progress import AWAITS_TICKS, LATE_TICKS, low_mark

FEED_LATE_SECONDS = 15
UNDECIDED_SECONDS = 15
REPLAY_STILL_SECONDS = 30
PAUSE_SECONDS = 60  # of recorded time: a replay takes longer ones as one second
KEPT_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Trouble:
    """`who` carries names that people gave."""

    what: str
    who: str

    def __str__(self) -> str:
        return f"{self.what} ({self.who})"


def faults() -> dict[str, str]:
    """Why markets have stopped, by name."""
    return {market.name: f"{market.name}: {market.fault}" for market in _active().exclude(fault="")}


def late_feeds() -> list[Trouble]:
    late = {name: age for name, age in feed_ages().items() if age > FEED_LATE_SECONDS}
    return [
        Trouble(f"no tick for {age:.0f} s; is the worker of queue ingest running?", name) for name, age in late.items()
    ]


def feed_ages() -> dict[str, float]:
    """Seconds since the last tick of each live or mock market, or since it was opened."""
    ages = {}
    for market in _flowing():
        newest = int(MarketLog(connection(), market.pk).latest()["time"].max(initial=0))
        ages[market.name] = time() - max(newest / 1_000_000, market.created_at.timestamp())
    return ages


def late_shards() -> list[Trouble]:
    """Far behind the log, or in a replay that does not move: there a backlog is the rule."""
    late = {name: lag for name, lag in shard_lags().items() if lag > LATE_TICKS}
    behind = [Trouble(f"a shard is {lag} ticks behind; is its worker running?", name) for name, lag in late.items()]
    return [*behind, *_still_replays()]


def shard_lags() -> dict[str, int]:
    """Ticks that each shard of a live or mock market is behind its log."""
    lags = {}
    for market in _flowing():
        tail = MarketLog(connection(), market.pk).tail()
        for number in Shard.objects.filter(market=market).values_list("number", flat=True):
            lags[f"{market.name}/{number}"] = max(0, tail - seen_by(market.pk, number))
    return lags


def late_clocks() -> list[Trouble]:
    """Portfolios with signals that nobody decides, or that wait for ticks which nobody shows them."""
    before = timezone.now() - timedelta(seconds=UNDECIDED_SECONDS)
    waiting = Signal.objects.filter(
        portfolio__market__in=_active().filter(fault=""), is_decided=False, created_at__lt=before
    )
    undecided = waiting.order_by("portfolio").values_list("portfolio__name", flat=True).distinct()
    return [
        *(
            Trouble(f"signals wait for more than {UNDECIDED_SECONDS} s; is the worker of queue risk running?", name)
            for name in undecided
        ),
        *_behind(),
    ]


def _behind() -> Iterator[Trouble]:
    for portfolio in Portfolio.objects.filter(AWAITS_TICKS, market__in=_flowing()).distinct():
        lag = seen_by(portfolio.market_id, portfolio.shard) - portfolio.clock
        if lag > LATE_TICKS:
            yield Trouble(f"a clock is {lag} ticks behind; is the worker of queue execution running?", portfolio.name)


def note_replays() -> None:
    """Called by the sweep: since when each replay's lowest reader stands where it stands."""
    for market in _replays():
        place, noted = low_mark(market.pk), _noted(market.pk)
        since = noted[1] if noted and noted[0] == place else time()
        connection().set(key("moved", market.pk), f"{place}:{since}", ex=KEPT_SECONDS)


def _still_replays() -> list[Trouble]:
    return [
        Trouble(f"a replay has not moved for {age:.0f} s at tick {place}", market.name)
        for market, place, age in _standing(_replays())
        if age > REPLAY_STILL_SECONDS + (PAUSE_SECONDS / market.speed if market.speed else 0)
    ]


def _standing(markets: Iterable[Market]) -> Iterator[tuple[Market, int, float]]:
    for market in markets:
        noted = _noted(market.pk)
        if noted is not None and noted[0] == low_mark(market.pk):
            yield market, noted[0], time() - noted[1]


def _noted(market: UUID) -> tuple[int, float] | None:
    noted = connection().get(key("moved", market))
    if not isinstance(noted, bytes):
        return None
    place, since = noted.split(b":")
    return int(place), float(since)


def _active() -> QuerySet[Market]:
    return Market.objects.filter(is_active=True)


def _flowing() -> QuerySet[Market]:
    """Those whose ticks come by themselves."""
    return _active().filter(fault="").exclude(kind=Market.Kind.REPLAY)


def _replays() -> QuerySet[Market]:
    return _active().filter(fault="", kind=Market.Kind.REPLAY)

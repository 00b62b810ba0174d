"""How far a shard has evaluated: the row says it at every save, Redis in between (a lower bound, may be lost)."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from django.db.models import F, QuerySet

from alphapanda.connection import connection, key
from alphapanda.prepared import prepared
from portfolio.models import Portfolio
from strategies import models

# Only the newest holder moves it, and only forward.
_PUBLISH = """
local held = redis.call('HGET', KEYS[1], ARGV[1])
local epoch, seen = 0, 0
if held then epoch, seen = string.match(held, '(%d+):(%d+)') end
if tonumber(ARGV[2]) < tonumber(epoch) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. math.max(tonumber(seen), tonumber(ARGV[3])))
return 1
"""


def publish_seen(market: UUID, shard: int, epoch: int, seen: int) -> None:
    connection().eval(_PUBLISH, 1, key("seen", market), shard, epoch, seen)


def seen_by(market: UUID, shard: int) -> int:
    """The last tick that a shard is known to have evaluated; signals up to it are in the ledger."""
    row = models.Shard.objects.filter(market=market, number=shard).values_list("seen", flat=True).first() or 0
    return _or_published(row, market, shard)


def seen_for(portfolio_id: int) -> int:
    """How far a portfolio may go now; for what comes later there is another wake-up."""
    for market, number, seen in _shard_of(portfolio_id):
        return _or_published(seen, market, number)
    return 0


@lru_cache(maxsize=10_000)
def market_and_shard(portfolio_id: int) -> tuple[UUID, int]:
    """Market and number of the shard that a portfolio is in for life. Errors: Portfolio.DoesNotExist."""
    return Portfolio.objects.values_list("market", "shard").get(pk=portfolio_id)


@prepared
def _shard_of(portfolio: int) -> QuerySet[models.Shard, tuple[UUID, int, int]]:
    mine = models.Shard.objects.filter(market__portfolios=portfolio, market__portfolios__shard=F("number"))
    return mine.values_list("market", "number", "seen")


def _or_published(row: int, market: UUID, shard: int) -> int:
    published = connection().hget(key("seen", market), str(shard))
    return max(row, int(published.split(b":")[1])) if isinstance(published, bytes) else row


def forget_seen(market: UUID) -> None:
    connection().delete(key("seen", market))

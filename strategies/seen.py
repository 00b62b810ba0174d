"""How far a shard has evaluated: the row says it at every save, Redis in between (a lower bound, may be lost)."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from django.db.models import QuerySet

from alphapanda.connection import Command, connection, key, reply, tell
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
    tell(lambda redis: redis.eval(_PUBLISH, 1, key("seen", market), shard, epoch, seen))


def seen_by(market: UUID, shard: int) -> int:
    """The last tick that a shard is known to have evaluated; signals up to it are in the ledger."""
    return max(_published(market, shard), _saved(market, shard)[1])


def seen_again(market: UUID) -> dict[int, int]:
    """The same of every shard; what Redis has lost of it is told it again, or portfolios would not go that far."""
    places, texts = {}, reply(lambda redis: redis.hgetall(key("seen", market)))
    for shard, epoch, seen in _shards(market):
        published = told(texts.get(str(shard).encode()))
        if published < seen:
            publish_seen(market, shard, epoch, seen)
        places[shard] = max(published, seen)
    return places


@prepared
def _shards(market: UUID) -> QuerySet[models.Shard, tuple[int, int, int]]:
    return models.Shard.objects.filter(market=market).values_list("number", "epoch", "seen")


def seen_for(portfolio_id: int) -> int:
    """How far a portfolio may go now; for what comes later there is another wake-up."""
    market, shard = market_and_shard(portfolio_id)
    return _published(market, shard) or seen_by(market, shard)


@lru_cache(maxsize=10_000)
def market_and_shard(portfolio_id: int) -> tuple[UUID, int]:
    """Market and number of the shard that a portfolio is in for life. Errors: Portfolio.DoesNotExist."""
    return Portfolio.objects.values_list("market", "shard").get(pk=portfolio_id)


def _saved(market: UUID, shard: int) -> tuple[int, int]:
    """Epoch and place of the row."""
    row = models.Shard.objects.filter(market=market, number=shard)
    return row.values_list("epoch", "seen").first() or (0, 0)


def _published(market: UUID, shard: int) -> int:
    return told(reply(published_by(market, shard)))


def published_by(market: UUID, shard: int) -> Command:
    """What Redis knows, for `told`."""
    return lambda redis: redis.hget(key("seen", market), str(shard))


def told(published: bytes | None) -> int:
    """The last tick of a shard; 0 where Redis knows of none."""
    return int(published.split(b":")[1]) if published else 0


def forget_seen(market: UUID) -> None:
    connection().delete(key("seen", market))

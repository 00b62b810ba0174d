"""The life of markets: opened with their shards, active, drained."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from alphapanda.connection import connection
from strategies.models import Shard
from strategies.seen import forget_seen
from trading.log import MarketLog
from trading.models import Market


def open_market(name: str, kind: str, shards: Iterable[int] | None = None, **fields: Any) -> Market:
    """A market with rows for its shards: all of them, unless only some will have strategies."""
    with transaction.atomic():
        market = Market.objects.create(name=name, kind=kind, **fields)
        numbers = range(settings.STRATEGY_SHARDS) if shards is None else shards
        Shard.objects.bulk_create([Shard(market=market, number=number) for number in numbers])
    return market


def close_market(market: Market) -> None:
    """Ends a drained replay and drops its log; its ledger stays."""
    Market.objects.filter(pk=market.pk).update(is_active=False)
    MarketLog(connection(), market.pk).drop()
    forget_seen(market.pk)


@lru_cache(maxsize=1_000)
def is_replay(market: UUID) -> bool:
    """A market's kind is for life."""
    return Market.objects.filter(pk=market, kind=Market.Kind.REPLAY).exists()


@lru_cache(maxsize=1_000)
def last_tick(market: UUID) -> int | None:
    """Where a replay ends, which it is opened with; None for a market that goes on."""
    return Market.objects.values_list("last_tick", flat=True).get(pk=market)

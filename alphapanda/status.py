"""What the house says of itself: numbers for the live view and metrics, checks for doctor and readiness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import time

import redis
from django.conf import settings
from django.db import DatabaseError
from django.db import connection as database
from django.db.migrations.executor import MigrationExecutor

from alphapanda.celery import queue_names
from alphapanda.connection import connection, key
from alphapanda.errors import ConfigurationError
from alphapanda.wake import queue_length
from strategies.models import Shard
from strategies.seen import seen_by
from trading.log import MarketLog
from trading.models import Market

SWEEP_LATE_SECONDS = 10
FEED_LATE_SECONDS = 15
SHARD_LATE_TICKS = 50_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold; `detail` says what was seen, or what to do."""

    name: str
    ok: bool
    detail: str


def checks() -> list[Check]:
    """Every check, also after one has failed."""
    return [_checked(name, look) for name, look in CHECKS.items()]


def _checked(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except ConfigurationError as error:
        return Check(name, False, str(error))
    except DatabaseError as error:
        return Check(name, False, f"PostgreSQL does not answer ({type(error).__name__}); check DATABASE_URL")
    except redis.RedisError as error:
        return Check(name, False, f"Redis does not answer ({type(error).__name__}); check REDIS_URL")


def _database() -> str:
    with database.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"


def _migrations() -> str:
    executor = MigrationExecutor(database)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        raise ConfigurationError(f"{len(waiting)} migrations wait; run: manage.py migrate")
    return "all applied"


def _redis() -> str:
    client = connection()
    client.ping()
    info = client.info()
    policy = info.get("maxmemory_policy")
    if policy not in (None, "noeviction"):
        raise ConfigurationError(f"Redis must run with maxmemory-policy noeviction, not {policy}")
    return f"{info.get('server_name', 'redis')} {info.get('redis_version')}, {info['used_memory_human']} used"


def _queues() -> str:
    lengths = {name: queue_length(name) for name in queue_names()}
    long = [f"{name} ({length})" for name, length in lengths.items() if length > settings.QUEUE_CAP]
    if long:
        raise ConfigurationError(f"queues are long: {', '.join(long)}; are their workers running?")
    return ", ".join(f"{name} {length}" for name, length in lengths.items())


def _beat() -> str:
    swept = connection().get(key("swept"))
    age = time() - int(swept) if isinstance(swept, bytes) else None
    if age is None or age > SWEEP_LATE_SECONDS:
        raise ConfigurationError(f"no sweep for {'ever' if age is None else f'{age:.0f} s'}; is beat running?")
    return f"last sweep {age:.0f} s ago"


def _feeds() -> str:
    faults = [f"{market.name}: {market.fault}" for market in _active() if market.fault]
    late = [f"{name} ({age:.0f} s)" for name, age in feed_ages().items() if age > FEED_LATE_SECONDS]
    if faults or late:
        raise ConfigurationError("; ".join([*faults, *(f"no tick: {name}" for name in late)]))
    return "ticks are coming"


def _shards() -> str:
    late = [f"{name} ({lag} ticks)" for name, lag in shard_lags().items() if lag > SHARD_LATE_TICKS]
    if late:
        raise ConfigurationError(f"shards are behind: {', '.join(late)}; are their workers running?")
    return f"at most {max(shard_lags().values(), default=0)} ticks behind"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "queues": _queues,
    "beat": _beat,
    "feeds": _feeds,
    "shards": _shards,
}


def feed_ages() -> dict[str, float]:
    """Seconds since the last tick of each live or mock market."""
    ages = {}
    for market in _active():
        if market.kind != Market.Kind.REPLAY:
            newest = max((p.time for p in MarketLog(connection(), market.pk).last_prices().values()), default=0)
            ages[market.name] = time() - newest / 1_000_000
    return ages


def shard_lags() -> dict[str, int]:
    """Ticks that each shard of an active market is behind its log."""
    lags = {}
    for market in _active():
        tail = MarketLog(connection(), market.pk).tail()
        for number in Shard.objects.filter(market=market).values_list("number", flat=True):
            lags[f"{market.name}/{number}"] = max(0, tail - seen_by(market.pk, number))
    return lags


def _active() -> Iterator[Market]:
    yield from Market.objects.filter(is_active=True)

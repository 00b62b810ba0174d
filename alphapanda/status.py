"""What the house says of itself: checks for doctor and readiness, and the numbers behind them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import time
from typing import cast

import msgspec
import redis
from django.conf import settings
from django.db import DatabaseError
from django.db import connection as database
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from alphapanda import movement
from alphapanda.celery import queue_names
from alphapanda.connection import PREFIX, connection, key
from alphapanda.errors import ConfigurationError
from alphapanda.models import DeadLetter
from alphapanda.wake import queue_length, redis_fullness

SWEEP_LATE_SECONDS = 10
CLOCK_APART_SECONDS = 2.0
FAILING_SECONDS = 60


class NotWellError(ConfigurationError):
    """`public` is what may be said to everybody, where that is less."""

    def __init__(self, detail: str, public: str | None = None) -> None:
        super().__init__(detail)
        self.public = detail if public is None else public


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold; `detail` says what was seen, or what to do; `public` is for those without a login."""

    name: str
    ok: bool
    detail: str
    public: str = ""


def checks() -> list[Check]:
    """Every check, also after one has failed."""
    return [_checked(name, look) for name, look in CHECKS.items()]


def _checked(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except NotWellError as error:
        return Check(name, False, str(error), error.public)
    except DatabaseError as error:
        return _silent(name, f"PostgreSQL does not answer ({type(error).__name__}); check DATABASE_URL")
    except redis.RedisError as error:
        return _silent(name, f"Redis does not answer ({type(error).__name__}); check REDIS_URL")


def _silent(name: str, detail: str) -> Check:
    return Check(name, False, detail, detail)


def _database() -> str:
    with database.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"


def _migrations() -> str:
    executor = MigrationExecutor(database)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        raise NotWellError(f"{len(waiting)} migrations wait; run: manage.py migrate")
    return "all applied"


def _redis() -> str:
    client = connection()
    client.ping()
    info = client.info()
    policy = info.get("maxmemory_policy")
    if policy not in (None, "noeviction"):
        raise NotWellError(f"Redis must run with maxmemory-policy noeviction, not {policy}")
    if redis_fullness() > settings.REDIS_FULL:
        raise NotWellError(f"Redis is {redis_fullness():.0%} full, so nothing is woken; raise its maxmemory")
    return f"{info.get('server_name', 'redis')} {info.get('redis_version')}, {info['used_memory_human']} used"


def _queues() -> str:
    """By length and by how long the oldest message has waited."""
    lengths = {name: queue_length(name) for name in queue_names()}
    long = [f"{name} holds {length} messages" for name, length in lengths.items() if length > settings.QUEUE_CAP]
    ages = {name: oldest_seconds(name) for name, length in lengths.items() if length}
    old = [f"{name} waits for {age:.0f} s" for name, age in ages.items() if age > settings.QUEUE_OLD_SECONDS]
    if long or old:
        raise NotWellError(f"{'; '.join([*long, *old])}: are their workers running?")
    return ", ".join(f"{name} {length}" for name, length in lengths.items())


class _Headers(msgspec.Struct):
    sent_at: float = 0.0


class _Message(msgspec.Struct):
    headers: _Headers


def oldest_seconds(queue: str) -> float:
    """How long the next message of a queue has waited; 0 when there is none that says it."""
    oldest = connection().lindex(PREFIX + queue, -1)
    try:
        sent_at = msgspec.json.decode(cast("bytes", oldest or b"{}"), type=_Message).headers.sent_at
    except ValueError:  # garbage, which the worker will put aside
        return 0.0
    return max(0.0, time() - sent_at) if sent_at else 0.0


def _beat() -> str:
    swept = connection().get(key("swept"))
    age = time() - int(swept) if isinstance(swept, bytes) else None
    if age is None or age > SWEEP_LATE_SECONDS:
        cause = (
            "its messages wait: is the worker of queue sweep running?" if queue_length("sweep") else "is beat running?"
        )
        raise NotWellError(f"no sweep for {'ever' if age is None else f'{age:.0f} s'}; {cause}")
    return f"last sweep {age:.0f} s ago"


def _feeds() -> str:
    if faults := movement.faults():
        raise NotWellError("; ".join(faults.values()), f"{len(faults)} markets have a fault; see them in the admin")
    return _unless(movement.late_feeds(), "ticks are coming")


def _shards() -> str:
    return _unless(movement.late_shards(), f"at most {max(movement.shard_lags().values(), default=0)} ticks behind")


def _clocks() -> str:
    return _unless(movement.late_clocks(), "all portfolios follow their strategies")


def _unless(troubles: list[movement.Trouble], well: str) -> str:
    """Names are people's: everybody learns how many, whoever may run doctor learns which."""
    if troubles:
        what, many = troubles[0].what, len(troubles)
        raise NotWellError("; ".join(map(str, troubles)), f"{what}{f' and {many - 1} more' if many > 1 else ''}")
    return well


def clock(now: Callable[[], float] = time) -> str:
    """Ours against those of the servers, which date rows and hold leases."""
    offsets = {"PostgreSQL": _offset(_database_time, now), "Redis": _offset(_redis_time, now)}
    apart = [f"{abs(o):.1f} s {'behind' if o > 0 else 'ahead of'} {name}'s" for name, o in offsets.items()]
    if max(map(abs, offsets.values())) > CLOCK_APART_SECONDS:
        raise NotWellError(f"this machine's clock is {' and '.join(apart)}; is time synchronised?")
    return f"within {max(map(abs, offsets.values())):.2f} s of PostgreSQL and Redis"


def _offset(theirs: Callable[[], float], now: Callable[[], float]) -> float:
    """Seconds that theirs is ahead of ours, taken in the middle of the question."""
    before = now()
    asked = theirs()
    return asked - (before + now()) / 2


def _database_time() -> float:
    with database.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        return float(cursor.fetchone()[0])


def _redis_time() -> float:
    seconds, microseconds = connection().time()
    return float(seconds) + microseconds / 1_000_000


def _disk() -> str:
    """Of the home, which holds logs, replays and, on one machine, the servers' data."""
    try:
        free = shutil.disk_usage(settings.ALPHAPANDA_HOME).free
    except OSError as error:
        raise NotWellError(f"ALPHAPANDA_HOME cannot be reached: {error.strerror}") from error
    if free < settings.DISK_FREE_BYTES:
        wanted = settings.DISK_FREE_BYTES // 1_000_000
        raise NotWellError(f"{free // 1_000_000} MB are free where ALPHAPANDA_HOME is, less than {wanted} MB")
    return f"{free // 1_000_000} MB free"


def _failures() -> str:
    """Tasks that fail now; those that failed once wait for a person and break nothing."""
    opened = DeadLetter.objects.filter(resolved_at=None).exclude(task="")
    failing = opened.filter(last_at__gt=timezone.now() - timedelta(seconds=FAILING_SECONDS)).first()
    if failing:
        detail = f"{failing.task} {failing.arguments} failed {failing.times} times: {failing.reason}"
        raise NotWellError(f"{detail}; see manage.py dead_letters", f"{failing.task} fails; see manage.py dead_letters")
    return f"{opened.count()} dead letters wait for a person" if opened.exists() else "none"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "queues": _queues,
    "beat": _beat,
    "feeds": _feeds,
    "shards": _shards,
    "clocks": _clocks,
    "time": clock,
    "disk": _disk,
    "failures": _failures,
}

"""Faults of what goes between processes: connections, queues, messages, locks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from time import monotonic

import psycopg
import redis

from alphapanda.celery import queue_names
from alphapanda.connection import PREFIX
from portfolio.models import Portfolio
from tests.chaos.fault import kind
from tests.chaos.house import House

UNACKED = (f"{PREFIX}unacked", f"{PREFIX}unacked_index")
GARBAGE = (b"not json", b"\xff\xfe\x00", b"{}", b"[]", b'{"body": "x", "properties": {}}', b'"' + b"x" * 100_000 + b'"')
_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"


@kind("valkey emptied")
def flush(house: House, random: Random) -> Iterator[float]:
    house.redis.flushall()
    yield from ()


@kind("valkey full 3 s", is_outage=True)
def fill(house: House, random: Random) -> Iterator[float]:
    limit = house.redis.config_get("maxmemory")["maxmemory"]
    house.redis.config_set("maxmemory", "1mb")
    try:
        yield 3
    finally:
        house.redis.config_set("maxmemory", limit)


@kind("connections to valkey cut")
def cut_redis(house: House, random: Random) -> Iterator[float]:
    for _ in range(5):
        for what in ("normal", "pubsub"):
            house.redis.client_kill_filter(_type=what, skipme=True)
        yield random.uniform(0.05, 0.4)


@kind("connections to postgres cut")
def cut_postgres(house: House, random: Random) -> Iterator[float]:
    with psycopg.connect(house.database_url, autocommit=True) as connection:
        for _ in range(10):
            connection.execute(_OTHERS)
            yield random.uniform(0.05, 0.3)


@kind("lock held by a frozen session")
def hold_lock(house: House, random: Random) -> Iterator[float]:
    """It holds every active portfolio and never speaks again; PostgreSQL throws it out."""
    with suppress(psycopg.Error), psycopg.connect(house.database_url) as connection:
        connection.execute(f"SELECT FROM {Portfolio._meta.db_table} FOR UPDATE")  # type: ignore[arg-type]
        yield 8


@kind("queues emptied for 2 s")
def empty_queues(house: House, random: Random) -> Iterator[float]:
    until = monotonic() + 2
    while monotonic() < until:
        house.redis.delete(*UNACKED, *(PREFIX + queue for queue in queue_names()))
        yield 0.02


@kind("garbage in the queues")
def garbage(house: House, random: Random) -> Iterator[float]:
    for queue in queue_names():
        house.redis.rpush(PREFIX + queue, *random.sample(GARBAGE, 3))
        house.redis.lpush(PREFIX + queue, random.choice(GARBAGE))
        yield 0.2


@kind("messages doubled, late and in another order")
def double(house: House, random: Random) -> Iterator[float]:
    """For 5 s whatever waits or runs is sent twice more, up to 2 s later."""
    seen: set[str] = set()
    later: list[tuple[float, str, bytes]] = []
    begun = monotonic()
    while (age := monotonic() - begun) < 7:
        if age < 5:
            later += [(monotonic() + random.uniform(0, 2), *copy) for copy in _copies(house.redis, seen) for _ in "12"]
        due = [copy for copy in later if copy[0] < monotonic()]
        later = [copy for copy in later if copy not in due]
        random.shuffle(due)
        for _, queue, message in due:
            house.redis.lpush(PREFIX + queue, message)
        yield 0.01


def _copies(client: redis.Redis, seen: set[str]) -> Iterator[tuple[str, bytes]]:
    """Messages in the queues and those that workers hold, each once: copies are not copied."""
    waiting = ((queue, message) for queue in queue_names() for message in client.lrange(PREFIX + queue, 0, 99))
    held = (json.loads(entry) for entry in client.hvals(UNACKED[0]))
    for queue, message in [*waiting, *((queue, json.dumps(message).encode()) for message, _, queue in held)]:
        task = _task(message)
        if task and task not in seen:
            seen.add(task)
            yield queue, message


def _task(message: bytes) -> str | None:
    """The id of the task, None of garbage."""
    try:
        return str(json.loads(message)["headers"]["id"])
    except (ValueError, LookupError, TypeError):
        return None

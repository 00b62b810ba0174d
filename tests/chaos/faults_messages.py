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
        house.redis.delete(*(PREFIX + queue for queue in queue_names()))
        yield 0.02


@kind("garbage in the queues")
def garbage(house: House, random: Random) -> Iterator[float]:
    for queue in queue_names():
        house.redis.rpush(PREFIX + queue, *random.sample(GARBAGE, 3))
        house.redis.lpush(PREFIX + queue, random.choice(GARBAGE))
        yield 0.2


@kind("messages doubled, late and in another order")
def double(house: House, random: Random) -> Iterator[float]:
    """For 5 s whatever is sent is sent twice more, up to 2 s later."""
    seen: set[str] = set()
    later: list[tuple[float, str, str]] = []
    begun = monotonic()
    with house.redis.monitor() as monitor:
        while (age := monotonic() - begun) < 7:
            sent = [(monotonic() + random.uniform(0, 2), *copy) for copy in _sent(monitor, seen) for _ in "12"]
            later += sent if age < 5 else []
            due = [copy for copy in later if copy[0] < monotonic()]
            later = [copy for copy in later if copy not in due]
            random.shuffle(due)
            for _, queue, message in due:
                house.redis.lpush(queue, message)
            yield 0.01


def _sent(monitor: redis.client.Monitor, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Messages that went into queues since the last look, each once: copies are not copied."""
    queues = {PREFIX + queue for queue in queue_names()}
    while monitor.connection.can_read(timeout=0):
        match monitor.next_command()["command"].split(" ", 2):
            case ["LPUSH" | "RPUSH", queue, message] if queue in queues and (task := _task(message)) not in seen:
                if task:
                    seen.add(task)
                    yield queue, message


def _task(message: str) -> str | None:
    """The id of the task, None of garbage."""
    try:
        return str(json.loads(message)["headers"]["id"])
    except (ValueError, LookupError, TypeError):
        return None

"""The process's connection to Redis."""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

PREFIX = "ap:"


@cache
def connection() -> redis.Redis:
    """Never repeats a command by itself: a lost answer may have been carried out."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=5,
        socket_connect_timeout=3,
        socket_keepalive=True,
        health_check_interval=10,
        retry=Retry(NoBackoff(), 0),
        client_name="alphapanda",
    )


def key(*parts: object) -> str:
    """`ap:part:part`: everything of ours lies under one prefix."""
    return PREFIX + ":".join(map(str, parts))

"""Servers that DATABASE_URL and REDIS_URL name: tried first; no message shows a password."""

from urllib.parse import urlsplit

import psycopg
import redis

from alphapanda.errors import ConfigurationError


def check_postgres(url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        raise ConfigurationError(_message("DATABASE_URL", url, str(error))) from None


def check_redis(url: str) -> None:
    try:
        client = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
        client.ping()
    except (redis.RedisError, ValueError) as error:
        raise ConfigurationError(_message("REDIS_URL", url, str(error))) from None


def _message(variable: str, url: str, reason: str) -> str:
    parts = urlsplit(url)
    where = parts.hostname or "no host"
    if parts.password:
        reason = reason.replace(parts.password, "…")
    return f"{variable}: no connection to {where}: {' '.join(reason.split())}; correct it, or unset it to use our own"

"""Workers say each second in Redis that their event loop turns; the supervisor listens."""

import os
import socket
from collections.abc import Iterable
from typing import Any

import redis
from celery import bootsteps
from redis.backoff import NoBackoff
from redis.retry import Retry

EVERY_SECONDS = 1.0
EXPIRY_SECONDS = 3.0


def node_name(name: str) -> str:
    return f"{name}@{socket.gethostname()}"


def beat_key(node: str, pid: int) -> str:
    """With the process number: a replacement beats beside the silent worker of the same name."""
    return f"ap:beat:{node}:{pid}"


def connect(redis_url: str) -> redis.Redis:
    """Gives up quickly and never repeats: neither a worker's loop nor the supervisor may hang on it."""
    return redis.Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))


class Heartbeat(bootsteps.StartStopStep):
    """A step of the worker; a timer of its loop, so that a loop that hangs is silent."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, worker: Any, **options: object) -> None:
        super().__init__(worker, **options)
        self.client = connect(worker.app.conf.broker_url)
        self.key = beat_key(worker.hostname, os.getpid())

    def start(self, worker: Any) -> None:
        self.beat()
        self.timer = worker.timer.call_repeatedly(EVERY_SECONDS, self.beat)

    def stop(self, worker: Any) -> None:
        self.timer.cancel()

    def beat(self) -> None:
        try:
            self.client.set(self.key, 1, px=int(EXPIRY_SECONDS * 1000))
        except redis.RedisError:  # silence does not count while Redis is down
            return


class Listener:
    """The supervisor's ear."""

    def __init__(self, redis_url: str) -> None:
        self.client = connect(redis_url)

    def beating(self, keys: Iterable[str]) -> set[str] | None:
        """Those of the keys that beat; None when Redis does not answer."""
        asked = list(keys)
        if not asked:
            return set()
        try:
            values = self.client.mget(asked)
        except redis.RedisError:
            return None
        return {key for key, value in zip(asked, values, strict=True) if value is not None}

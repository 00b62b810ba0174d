"""The process's connection to Redis."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)
PREFIX = "ap:"
Question = Callable[[redis.Redis], Any]


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


@dataclass(slots=True)
class _Gathered:
    commands: redis.client.Pipeline
    events: int = 0  # that they publish

    def send(self) -> list[Any]:
        try:
            return self.commands.execute()
        except redis.RedisError as error:
            if self.events:
                log.warning("events_lost", count=self.events, error=str(error))
            raise
        finally:
            self.events = 0


_gathered: ContextVar[_Gathered | None] = ContextVar("gathered", default=None)


@contextmanager
def gathered() -> Iterator[None]:
    """What Redis is told inside goes together, with the next question or at the end: a way there and back costs an
    idle machine half a millisecond. Errors: Redis', of the first command that failed.
    """
    if _gathered.get() is not None:
        yield
        return
    gathered = _Gathered(connection().pipeline(transaction=False))
    before = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(before)
        gathered.send()


def tell(command: Question, events: int = 0) -> None:
    """For commands whose answer nobody waits for. `events` are counted in the log when they are lost."""
    gathered = _gathered.get()
    if gathered is None:
        command(connection())
        return
    command(gathered.commands)
    gathered.events += events


def answer(question: Question) -> Any:
    """What Redis says, after it was told what is gathered."""
    if _gathered.get() is None:
        return question(connection())
    return answers(question)[0]


def answers(*questions: Question) -> list[Any]:
    """The same, of several that are asked in one go."""
    gathered = _gathered.get() or _Gathered(connection().pipeline(transaction=False))
    for question in questions:
        question(gathered.commands)
    return gathered.send()[-len(questions) :]


def key(*parts: object) -> str:
    """`ap:part:part`: everything of ours lies under one prefix."""
    return PREFIX + ":".join(map(str, parts))

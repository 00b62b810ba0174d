"""The process's connection to Redis."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)
PREFIX = "ap:"
Command = Callable[[redis.Redis], Any]


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
class _Batch:
    """Commands that go together; `events` says how many some of them publish, by their places."""

    commands: redis.client.Pipeline
    events: dict[int, int] = field(default_factory=dict)

    def send(self) -> list[Any]:
        events, self.events = self.events, {}
        try:
            replies = self.commands.execute(raise_on_error=False)
        except BaseException as error:
            _note_lost(sum(events.values()), error)
            if not isinstance(error, redis.RedisError):  # interrupted: the next one would take replies for its own
                connection().connection_pool.disconnect()
            raise
        failed = [(place, reply) for place, reply in enumerate(replies) if isinstance(reply, redis.RedisError)]
        for place, refusal in failed:
            _note_lost(events.get(place, 0), refusal)
        for _, refusal in (one for one in failed if one[0] not in events):
            raise refusal
        return replies


def _note_lost(events: int, error: BaseException) -> None:
    if events:
        log.warning("events_lost", count=events, error=str(error))


_gathered: ContextVar[_Batch | None] = ContextVar("gathered", default=None)


@contextmanager
def gathered() -> Iterator[None]:
    """What Redis is told inside goes together, with the next question or at the end: a way there and back costs an
    idle machine half a millisecond. Errors: Redis', of the first command that failed and publishes no events.
    """
    if _gathered.get() is not None:
        yield
        return
    batch = _Batch(connection().pipeline(transaction=False))
    try:
        _gathered.set(batch)
        yield
    finally:
        _gathered.set(None)
        batch.send()


def tell(command: Command, events: int = 0) -> None:
    """For commands whose reply nobody waits for. `events` that it publishes are counted in the log when they are lost,
    which is no error where others are gathered with it.
    """
    batch = _gathered.get()
    if batch is None:
        command(connection())
        return
    if events:
        batch.events[len(batch.commands)] = events
    command(batch.commands)


def reply(command: Command) -> Any:
    """What Redis says, after it was told what is gathered."""
    if _gathered.get() is None:
        return command(connection())
    return replies(command)[0]


def replies(*commands: Command) -> list[Any]:
    """The same, of several commands that go together."""
    batch = _gathered.get() or _Batch(connection().pipeline(transaction=False))
    for command in commands:
        command(batch.commands)
    answers = batch.send()
    return answers[len(answers) - len(commands) :]


def key(*parts: object) -> str:
    """`ap:part:part`: everything of ours lies under one prefix."""
    return PREFIX + ":".join(map(str, parts))

"""Where any process leaves what it could not do; the sweep makes dead letter rows of it.

A bounded list in Redis: the parent of a worker's children must not hold a database connection, and a letter about
a database that fails must not need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import time
from typing import Any, cast

import msgspec
import redis
import structlog

from alphapanda.connection import connection, key

log = structlog.get_logger(__name__)
PLACE = key("letterbox")
MOST_WAITING = 1_000  # the sweep empties it every second; a flood is counted in the log and dropped
AT_ONCE = 100
KEPT_CHARACTERS = 4_096


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A task that failed, or a message that nobody can read: then `task` is empty and `body` is its beginning."""

    reason: str
    queue: str
    task: str = ""
    arguments: dict[str, Any] | None = None
    body: str = ""
    traceback: str = ""
    correlation_id: str | None = None
    at: float = msgspec.field(default_factory=time)


def post(letter: Letter) -> None:
    """Never raises: it is called where something has failed already."""
    log.error("dead_letter", task=letter.task, queue=letter.queue, reason=letter.reason)
    try:
        waiting = connection().rpush(PLACE, msgspec.json.encode(letter, enc_hook=str))
        if waiting > MOST_WAITING:
            connection().ltrim(PLACE, 0, MOST_WAITING - 1)
            log.error("dead_letter_dropped", queue=letter.queue, limit=MOST_WAITING)
    except redis.RedisError as error:
        log.error("dead_letter_lost", queue=letter.queue, body=letter.body, error=type(error).__name__)


def waiting_letters() -> Iterator[Letter]:
    """The oldest ones; each is taken out when the next is asked for, so that a crash repeats one and loses none."""
    for packed in cast("list[bytes]", connection().lrange(PLACE, 0, AT_ONCE - 1)):
        yield msgspec.json.decode(packed, type=Letter)
        connection().lrem(PLACE, 1, packed)  # type: ignore[arg-type]  # its stubs know text only


def readable(body: bytes | str) -> str:
    """The beginning of a body as text that PostgreSQL takes."""
    text = body[:KEPT_CHARACTERS].decode("utf-8", "backslashreplace") if isinstance(body, bytes) else body
    return text[:KEPT_CHARACTERS].replace("\0", "\\x00")

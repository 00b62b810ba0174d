"""Wake-ups: at most one message waits for a key. A lost one costs the life of its mark, never work.

A wake-up is not sent while its queue is long or Redis is nearly full: the sweep sends it again later.
"""

from collections.abc import Callable
from time import monotonic

import structlog
from celery.canvas import Signature
from django.conf import settings

from alphapanda.connection import PREFIX, connection, key

log = structlog.get_logger(__name__)
_fullness = {"checked": float("-inf"), "part": 0.0}


def wake(name: str, queue: str, message: Callable[[], Signature]) -> bool:
    """Sends the message unless one with this name waits already. Returns whether it was sent."""
    mark = key("wake", name)
    if not connection().set(mark, 1, nx=True, px=settings.WAKE_SECONDS * 1_000):
        return False
    if _is_congested(queue):
        connection().delete(mark)
        connection().incr(key("held_back", queue))
        return False
    message().apply_async()
    return True


def awake(name: str) -> None:
    """Called by a task before it reads: whatever comes from now on needs a new wake-up."""
    connection().delete(key("wake", name))


def is_woken(name: str) -> bool:
    """Whether a message waits (or was lost a moment ago) whose task will see whatever is there by now."""
    return bool(connection().exists(key("wake", name)))


def queue_length(queue: str) -> int:
    return int(connection().llen(PREFIX + queue))


def _is_congested(queue: str) -> bool:
    return queue_length(queue) > settings.QUEUE_CAP or redis_fullness() > settings.REDIS_FULL


def redis_fullness() -> float:
    """Used part of Redis' memory limit, 0 when it has none; asked once a second."""
    if monotonic() - _fullness["checked"] > 1:
        memory = connection().info("memory")
        limit = memory.get("maxmemory") or 0
        _fullness.update(checked=monotonic(), part=memory["used_memory"] / limit if limit else 0.0)
    return _fullness["part"]

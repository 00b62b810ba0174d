"""Wake-ups: at most one message waits for a key. A lost one costs the life of its mark, never work: seconds, and a
turn of those that waited before it.

A wake-up is not sent while its queue is long or Redis is nearly full: the sweep sends it again later.
"""

from collections.abc import Iterable
from time import monotonic

import structlog
from django.conf import settings

from alphapanda.connection import PREFIX, Command, connection, key, tell

log = structlog.get_logger(__name__)
TURN_MS, MOST_MS = 500, 60_000  # that a message may wait for one before it; and a mark for all of them
_fullness = {"checked": float("-inf"), "part": 0.0}

# The mark, the queue, how often it was held back, and perhaps the mark of a message that makes this one needless.
# A mark outlives those that wait before its message: else the sweep would send it again and again behind them, and a
# portfolio with one signal would wait for every copy.
_SEND = """
if KEYS[4] and redis.call('EXISTS', KEYS[4]) == 1 then return 0 end
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local before = redis.call('LLEN', KEYS[2])
if before > tonumber(ARGV[2]) then redis.call('INCR', KEYS[3]) return 0 end
redis.call('SET', KEYS[1], 1, 'PX', math.min(ARGV[1] + before * TURN_MS, MOST_MS))
return redis.call('LPUSH', KEYS[2], ARGV[3])
""".replace("TURN_MS", str(TURN_MS)).replace("MOST_MS", str(MOST_MS))


def wake(name: str, queue: str, message: str, *, unless: str | None = None) -> None:
    """Sends the message unless one with this name, or with the other, waits already."""
    keys = [key("wake", name), PREFIX + queue, key("held_back", queue), *([key("wake", unless)] if unless else [])]
    most = -1 if redis_fullness() > settings.REDIS_FULL else settings.QUEUE_CAP
    values = (settings.WAKE_SECONDS * 1_000, most, message)
    tell(lambda redis: redis.eval(_SEND, len(keys), *keys, *values))


def awake(name: str) -> None:
    """Called by a task before it reads: whatever comes from now on needs a new wake-up."""
    tell(lambda redis: redis.delete(key("wake", name)))


def whether_woken(name: str) -> Command:
    """Whether a message waits (or was lost a moment ago) whose task will see whatever is there by now."""
    return lambda redis: redis.exists(key("wake", name))


def are_woken(names: Iterable[str]) -> bool:
    """Whether each of them waits already."""
    marks = [key("wake", name) for name in names]
    return not marks or bool(connection().exists(*marks) == len(marks))


def length_of(queue: str) -> Command:
    return lambda redis: redis.llen(PREFIX + queue)


def queue_length(queue: str) -> int:
    return int(connection().llen(PREFIX + queue))


def redis_fullness() -> float:
    """Used part of Redis' memory limit, 0 when it has none; asked once a second."""
    if monotonic() - _fullness["checked"] > 1:
        memory = connection().info("memory")
        limit = memory.get("maxmemory") or 0
        _fullness.update(checked=monotonic(), part=memory["used_memory"] / limit if limit else 0.0)
    return _fullness["part"]

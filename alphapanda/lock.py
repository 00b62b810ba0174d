"""A lock in Redis that spares two workers the same work. It is a courtesy: fencing by epoch is what protects."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from alphapanda.connection import connection, key

LIFE_MS = 10_000  # longer than the time limit of a stage
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@contextmanager
def only_one(name: str) -> Iterator[bool]:
    """Whether the caller has the lock; whoever has not should do nothing."""
    place, token = key("lock", name), uuid4().hex
    if not connection().set(place, token, nx=True, px=LIFE_MS):
        yield False
        return
    try:
        yield True
    finally:
        connection().eval(_RELEASE, 1, place, token)

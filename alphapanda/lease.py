"""Leases in Redis: a name held for a short while. One whose process has died on this machine is taken at once.

A lease spares two workers the same work; what protects the ledger is fencing by epochs.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import getpid
from socket import gethostname
from threading import Thread
from time import monotonic, sleep
from uuid import uuid4

import redis

from alphapanda.alive import is_alive
from alphapanda.connection import connection, key

RETRY_SECONDS = 0.2
LIFE_MS = 10_000  # of `only_one`: longer than the hard time limit of a stage
_IF_HELD = "if redis.call('GET', KEYS[1]) == ARGV[1] then return {} end return 0"
_RENEW = _IF_HELD.format("redis.call('PEXPIRE', KEYS[1], ARGV[2])")
_RELEASE = _IF_HELD.format("redis.call('DEL', KEYS[1])")
_INHERIT = _IF_HELD.format("redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) and 1")


def new_token() -> str:
    """Says who holds: machine, process, and which of its tries."""
    return f"{gethostname()}:{getpid()}:{uuid4().hex}"


def acquire(client: redis.Redis, place: str, token: str, life_ms: int) -> bool:
    if client.set(place, token, nx=True, px=life_ms):
        return True
    holder = client.get(place)
    return isinstance(holder, bytes) and _is_dead(holder.decode()) and _inherit(client, place, holder, token, life_ms)


def is_held(client: redis.Redis, place: str) -> bool:
    """By a process that is not known to be dead."""
    holder = client.get(place)
    return isinstance(holder, bytes) and not _is_dead(holder.decode())


def renew(client: redis.Redis, place: str, token: str, life_ms: int) -> bool:
    """Whether it is still held."""
    return bool(client.eval(_RENEW, 1, place, token, life_ms))


def release(client: redis.Redis, place: str, token: str) -> None:
    """Lets go; when Redis does not answer, as soon as it does again."""
    try:
        client.eval(_RELEASE, 1, place, token)
    except redis.RedisError:
        Thread(target=_release_later, args=(client, place, token), daemon=True).start()


def _release_later(client: redis.Redis, place: str, token: str) -> None:
    """Until the lease has run out by itself."""
    deadline = monotonic() + LIFE_MS / 1_000
    while monotonic() < deadline:
        sleep(RETRY_SECONDS)
        with suppress(redis.RedisError):
            client.eval(_RELEASE, 1, place, token)
            return


@contextmanager
def only_one(name: str) -> Iterator[bool]:
    """Whether the caller has the lease; whoever has not should do nothing."""
    place, token = key("lock", name), new_token()
    if not acquire(connection(), place, token, LIFE_MS):
        yield False
        return
    try:
        yield True
    finally:
        release(connection(), place, token)


def _inherit(client: redis.Redis, place: str, holder: bytes, token: str, life_ms: int) -> bool:
    return bool(client.eval(_INHERIT, 1, place, holder, token, life_ms))


def _is_dead(token: str) -> bool:
    """Only this machine's processes can be asked."""
    host, _, rest = token.partition(":")
    pid = rest.partition(":")[0]
    return host == gethostname() and pid.isdecimal() and not is_alive(int(pid))

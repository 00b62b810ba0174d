"""Faults of the network: packets vanish, and nobody is told."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from time import sleep
from urllib.parse import urlsplit

from tests.chaos.blackhole import End, ends, kill, swallowing
from tests.chaos.fault import KINDS, kind
from tests.chaos.house import House

_OTHERS = frozenset(KINDS)
HOLE_SECONDS = 12  # longer than every timeout of those who wait; who uses a connection seldom notices late
ANSWERS_SECONDS = 6


@kind("valkey in a black hole 12 s", is_outage=True)
def lose_valkey(house: House, random: Random) -> Iterator[float]:
    with swallowing(_ends(house, house.redis_url)):
        yield HOLE_SECONDS


@kind("postgres in a black hole 12 s", is_outage=True)
def lose_postgres(house: House, random: Random) -> Iterator[float]:
    """Nobody looks on meanwhile: whoever asks it now waits."""
    with swallowing(_ends(house, house.database_url)):
        sleep(HOLE_SECONDS)
    yield from ()


@kind("answers of valkey lost 6 s", is_outage=True)
def lose_answers_of_valkey(house: House, random: Random) -> Iterator[float]:
    """What it was told happens all the same."""
    with swallowing(_of_clients(_ends(house, house.redis_url))):
        yield ANSWERS_SECONDS


@kind("answers of postgres lost 6 s", is_outage=True)
def lose_answers_of_postgres(house: House, random: Random) -> Iterator[float]:
    with swallowing(_of_clients(_ends(house, house.database_url))):
        yield ANSWERS_SECONDS


@kind("half of the connections to valkey dead for ever")
def half_dead_valkey(house: House, random: Random) -> Iterator[float]:
    kill(_half(_ends(house, house.redis_url), random))
    yield HOLE_SECONDS


@kind("half of the connections to postgres dead for ever")
def half_dead_postgres(house: House, random: Random) -> Iterator[float]:
    kill(_half(_ends(house, house.database_url), random))
    yield HOLE_SECONDS


KINDS_OF_PACKETS = frozenset(KINDS) - _OTHERS


def are_possible(house: House) -> bool:
    """Whether this machine lets us at the sockets of the servers."""
    try:
        with swallowing(end for end in _ends(house, house.redis_url) if end.is_servers):
            return True
    except OSError:
        return False


def _ends(house: House, url: str) -> list[End]:
    return list(ends(house.everybody(), urlsplit(url).port or 0))


def _of_clients(found: list[End]) -> list[End]:
    return [end for end in found if not end.is_servers]


def _half(found: list[End], random: Random) -> list[End]:
    """Both ends of some of the house's connections; ours is not among them, and new ones can be made."""
    clients = sorted({end.client for end in _of_clients(found)})
    chosen = random.sample(clients, (len(clients) + 1) // 2)
    return [end for end in found if end.client in chosen]

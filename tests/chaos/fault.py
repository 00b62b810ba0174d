"""A fault: begun, perhaps kept up for some seconds, ended. And the list of all kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from random import Random

from tests.chaos.house import House

Do = Callable[[House, Random], Iterator[float]]


@dataclass(frozen=True, slots=True)
class Fault:
    """`is_outage`: nothing can flow before it ends, so recovery counts from there."""

    do: Do
    is_outage: bool


KINDS: dict[str, Fault] = {}


def kind(name: str, *, is_outage: bool = False) -> Callable[[Do], Do]:
    """Registers a fault; it yields the seconds until it wants to go on, and is over when it returns."""

    def register(do: Do) -> Do:
        KINDS[name] = Fault(do, is_outage)
        return do

    return register


def plan(random: Random, count: int, kinds: list[str]) -> list[str]:
    """Each kind in turn, in a new order each time round."""
    planned: list[str] = []
    while len(planned) < count:
        planned += random.sample(kinds, len(kinds))
    return planned[:count]


@contextmanager
def ended(steps: Iterator[float]) -> Iterator[Iterator[float]]:
    """Whatever happens, a fault that was begun is brought to its end: nobody stays frozen."""
    try:
        yield steps
    finally:
        with suppress(StopIteration):
            while True:
                next(steps)

"""Waiting for a condition, never for a time alone."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

T = TypeVar("T")
LOOK_SECONDS = 0.1


class DeadlineError(Exception):
    """What had to happen did not."""


def wait_for(condition: Callable[[], T], seconds: float, what: str) -> T:
    deadline = monotonic() + seconds
    while not (found := condition()):
        if monotonic() > deadline:
            raise DeadlineError(f"{what}: not within {seconds:.0f} s")
        sleep(LOOK_SECONDS)
    return found

"""What a shard tells the stages behind it, and what they do with it."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Moved:
    """What others are told when a shard has moved: portfolios with new signals (with the correlation id of one), which
    instruments have ticked, and how far all have seen; `arrival` is when the first of these ticks came, `wanted` what
    the signals are about (ids of instruments).
    """

    signalled: dict[int, UUID]
    ticked: set[int]
    seen: int
    arrival: int
    wanted: set[int] = field(default_factory=set)


def not_joined(_moved: Moved, _write: Callable[[], None]) -> bool:
    """New signals are committed alone."""
    return False


def always(_ticked: Set[int]) -> bool:
    """Others are told of whatever has ticked."""
    return True


class Behind(NamedTuple):
    """`committed` is told what others may wait for, and returns whether they wait for this worker. Before the commit
    `join` may write new signals in a transaction with more, and returns whether they are committed; it takes portfolios
    that are through out of those that signalled. `waits` says whether others are to be told of what has ticked, by
    instrument id, and nothing else, now.
    """

    committed: Callable[[Moved], bool]
    join: Callable[[Moved, Callable[[], None]], bool] = not_joined
    waits: Callable[[Set[int]], bool] = always

"""A save of everything, in parts: a shard with thousands of windows does not stand still while it is saved."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from strategies.runner import Runner


@dataclass(slots=True)
class Round:
    """`seen` and `prices` (dumped) are as of its begin: once none is `waiting` to be saved, loading may start there."""

    seen: int
    prices: str
    waiting: deque[int]
    seconds: float = 0.0  # that saving it has taken

    def part(self, runners: Mapping[int, Runner], states: int) -> set[int]:
        """Strategies to be saved next, with about so many states; those that are gone are left out."""
        taken: set[int] = set()
        while self.waiting and states > 0:
            strategy = self.waiting.popleft()
            if strategy in runners:
                taken.add(strategy)
                states -= runners[strategy].size
        return taken

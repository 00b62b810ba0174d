"""Exact rolling windows: integers in, sums of integers kept."""

from collections import deque


class Window:
    """The last `size` prices (1/10,000 rupee) with their sum and sum of squares."""

    __slots__ = ("_values", "size", "squares", "total")

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: deque[int] = deque()
        self.total = 0
        self.squares = 0

    def add(self, value: int) -> None:
        self._values.append(value)
        self.total += value
        self.squares += value * value
        if len(self._values) > self.size:
            gone = self._values.popleft()
            self.total -= gone
            self.squares -= gone * gone

    def clear(self) -> None:
        self._values.clear()
        self.total = self.squares = 0

    @property
    def is_full(self) -> bool:
        return len(self._values) == self.size

    @property
    def first(self) -> int:
        return self._values[0]

    @property
    def last(self) -> int:
        return self._values[-1]

    @property
    def mean(self) -> float:
        return self.total / len(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def dump(self) -> list[int]:
        return list(self._values)

    def load(self, values: list[int]) -> None:
        kept = values[-self.size :]
        self._values = deque(kept)
        self.total = sum(kept)
        self.squares = sum(value * value for value in kept)

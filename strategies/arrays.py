"""What strategies need to look at whole batches with NumPy, exactly as one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Prices64 = NDArray[np.int64]
Indices = NDArray[np.intp]
Wishes = list[tuple[int, int]]  # index of a price, position wanted from it on

FEWEST = 16  # prices of a strategy in a batch; for fewer, asking one by one is faster
MOST = 2**62  # products stay below, or whole numbers of 64 bits would not be exact


def checked(wishes: Any, count: int) -> Wishes | None:
    """What `on_prices` returned. Errors: ValueError or TypeError when it is no list of places and positions."""
    for index, _ in wishes or ():
        if type(index) is not int or not 0 <= index < count:
            raise ValueError(f"`on_prices` must name places from 0 to {count - 1}, got {index!r}")
    return None if wishes is None else list(wishes)


def next_true(where: NDArray[np.bool_]) -> Indices:
    """For each index the first one from there on that is true; the length when none is."""
    places = np.where(where, np.arange(len(where)), len(where))
    return np.minimum.accumulate(places[::-1])[::-1]

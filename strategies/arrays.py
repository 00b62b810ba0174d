"""Whole batches of prices at once: NumPy finds the few at which something is wanted, exactly as one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Prices64 = NDArray[np.int64]
Wishes = list[tuple[int, int]]  # index of a price, position wanted from it on

FEWEST = 16  # prices of an instrument in a batch; for fewer, asking one by one is faster
MOST = 2**62  # products stay below, or whole numbers of 64 bits would not be exact


def edges(places: NDArray[np.intp], wanted: Prices64, held: int) -> Wishes:
    """Where an opinion differs from the one before it: `wanted` at `places`; `held` is the position wanted so far."""
    if not len(places):
        return []
    changed = np.concatenate([wanted[:1] != held, wanted[1:] != wanted[:-1]])
    return list(zip(places[changed].tolist(), wanted[changed].tolist(), strict=True))


def window_sums(values: Prices64, size: int) -> Prices64:
    """The sum of every `size` consecutive values."""
    running = np.concatenate([[0], np.cumsum(values)])
    return np.asarray(running[size:] - running[:-size], dtype=np.int64)


def next_true(where: NDArray[np.bool_]) -> list[int]:
    """For each index the first one from there on that is true; the length when none is."""
    places = np.where(where, np.arange(len(where)), len(where))
    found: list[int] = np.minimum.accumulate(places[::-1])[::-1].tolist()
    return found

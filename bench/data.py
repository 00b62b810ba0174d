"""Ticks that every measurement draws from: seeded random walks on the grid of 5 paise."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trading.packing import PLAIN

OPENING = 1_767_584_700_000_000  # 5 January 2026, 09:15 in India, in microseconds
GRID_E4 = 500
STEP = 0.0002  # deviation of the walk from one tick to the next
RECORD = np.dtype([("instrument", "<u4"), ("price_e4", "<i8"), ("time", "<i8"), ("volume", "<i8"), ("arrival", "<i8")])
assert RECORD.itemsize == PLAIN.size


def walk(ticks: int, instruments: int, *, spacing: int = 1_000, seed: int = 7, step: float = STEP) -> NDArray[np.void]:
    """Records as the log has them: equally many ticks of each instrument in random order, `spacing` microseconds
    apart; instruments are numbered from 1.
    """
    random = np.random.default_rng(seed)
    rows = np.zeros(ticks, RECORD)
    rows["instrument"] = random.permutation(np.arange(ticks) % instruments) + 1
    rows["time"] = rows["arrival"] = OPENING + np.arange(ticks, dtype=np.int64) * spacing
    rows["volume"] = random.integers(10, 500, ticks)  # enough for every order to fill whole
    starts = np.linspace(500, 2_500, instruments)
    order = np.argsort(rows["instrument"], kind="stable")
    bounds = np.searchsorted(rows["instrument"][order], np.arange(1, instruments + 2))
    for start, begin, end in zip(starts, bounds, bounds[1:], strict=False):
        path = start * np.exp(np.cumsum(random.normal(0, step, end - begin)))
        rows["price_e4"][order[begin:end]] = np.rint(path * 10_000 / GRID_E4).astype(np.int64) * GRID_E4
    return rows


def save(rows: NDArray[np.void], path: Path) -> Path:
    """As columns, for engines that do not know our records."""
    np.savez(path, **{name: rows[name] for name in ("instrument", "price_e4", "time", "volume")})
    return path

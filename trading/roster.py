"""Rows for instruments, so that what is kept of them can be arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


class Roster:
    """A row for each instrument (by id), given out as they turn up."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def find(self, instrument: int) -> int | None:
        return self._rows.get(instrument)

    def row(self, instrument: int) -> int:
        return self._rows.setdefault(instrument, len(self._rows))

    def rows(self, instruments: list[int]) -> NDArray[np.intp]:
        rows = self._rows
        return np.array([rows.setdefault(instrument, len(rows)) for instrument in instruments], np.intp)

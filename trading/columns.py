"""What the columns of a batch of ticks are made of."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Column: TypeAlias = NDArray[np.int64]
Indices: TypeAlias = NDArray[np.intp]


def changes(values: NDArray[Any]) -> Indices:
    """Where a value is another than the one before it."""
    return np.flatnonzero(values[1:] != values[:-1]) + 1

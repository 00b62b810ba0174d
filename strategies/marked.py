"""Which last prices the signals of a portfolio carry, and how they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.packed import packed, unpacked

FEW = 16  # that are kept as they are; of more, PostgreSQL would take a microsecond each to read them


@dataclass(slots=True)
class Marked:
    """The instruments whose last prices the signals of a portfolio carry: those for which its strategies have
    signalled, for it may hold something of them.
    """

    instruments: frozenset[int] = frozenset()
    is_all: bool = False

    def with_own(self, instrument: int) -> frozenset[int] | None:
        """None is all of them."""
        if instrument not in self.instruments:
            self.instruments |= {instrument}
        return None if self.is_all else self.instruments


def kept(marks: Mapping[int, int]) -> Mapping[Any, Any]:
    """Last prices (1/10,000 rupee) by instrument id as JSON."""
    if len(marks) <= FEW:
        return marks
    instruments, prices = (np.fromiter(of, np.int64, len(marks)) for of in (marks.keys(), marks.values()))
    return {"instruments": packed(instruments), "prices": packed(prices)}


def marks_of(kept: Mapping[str, Any]) -> dict[int, int]:
    """What `kept` was given."""
    if "prices" not in kept:
        return {int(instrument): price for instrument, price in kept.items()}
    instruments, prices = (unpacked(kept[name]).tolist() for name in ("instruments", "prices"))
    return dict(zip(instruments, prices, strict=True))

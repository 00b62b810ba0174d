"""Which last prices the signals of a portfolio carry, and how they are kept."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from strategies.arrays import Indices
from strategies.packed import packed, unpacked
from trading.marks import Listing, Marks
from trading.prices import FEW

SPARSE = 64  # ids in the range of those marked for each of them, from where on a bit for each would be longer


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


def kept(marks: Mapping[int, int]) -> Mapping[int, int] | dict[str, str]:
    """Last prices (1/10,000 rupee) by instrument id as JSON; many of them in the order of the ids."""
    if len(marks) <= FEW:
        return dict(marks)
    known = Marks.of(marks).known
    order, instruments = _in_order(known.listing)
    return {"instruments": instruments, "prices": packed(known.prices[order])}


@lru_cache(maxsize=64)
def _in_order(listing: Listing) -> tuple[Indices, str]:
    """The places of its instruments in the order of their ids, and these as text: a bit each in their range."""
    ids = listing.instruments
    first, last = int(ids.min()), int(ids.max())
    if last - first > SPARSE * len(ids):
        order = np.argsort(ids)
        return order, packed(ids[order])
    places = np.zeros(last - first + 1, np.intp)
    places[ids - first] = np.arange(1, len(ids) + 1)
    bits = b64encode(np.packbits(places > 0).tobytes()).decode()
    return places[places > 0] - 1, f"{first} {bits}"


def marks_of(kept: Mapping[str, Any]) -> Mapping[int, int]:
    """What `kept` was given."""
    if "prices" not in kept:
        return {int(instrument): price for instrument, price in kept.items()}
    return Marks(_listing(kept["instruments"]), unpacked(kept["prices"]))


@lru_cache(maxsize=64)
def _listing(text: str) -> Listing:
    if text.count(" ") > 1:
        return Listing(unpacked(text))
    first, bits = text.split(" ")
    return Listing(np.flatnonzero(np.unpackbits(np.frombuffer(b64decode(bits), np.uint8))) + int(first))

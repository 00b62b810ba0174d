"""Which last prices the signals of a portfolio carry, and how they are kept."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from trading.marks import Listing, Marks
from trading.packed import packed, unpacked
from trading.prices import FEW

NOTHING = Listing.of(())
SPARSE = 64  # ids in the range of those marked for each of them, from where on a bit for each would be longer


@dataclass(slots=True)
class Marked:
    """The instruments whose last prices the signals of a portfolio carry: those for which its strategies have
    signalled, for it may hold something of them.
    """

    is_all: bool = False
    listing: Listing = field(default=NOTHING, init=False)
    _ids: set[int] = field(default_factory=set, init=False)

    def add(self, instruments: Iterable[int]) -> None:
        if new := {*instruments} - self._ids:
            self._ids |= new
            self.listing = self.listing.joined(new)

    def with_own(self, instrument: int) -> Listing | None:
        """None is all of them."""
        if instrument not in self._ids:
            self.add([instrument])
        return None if self.is_all else self.listing


def kept(marks: Mapping[int, int]) -> Mapping[int, int] | dict[str, str]:
    """Last prices (1/10,000 rupee) by instrument id as JSON; many of them in the order of the ids."""
    if len(marks) <= FEW:
        return dict(marks)
    known = Marks.of(marks).known
    return {"instruments": _text(known.listing), "prices": packed(known.prices)}


@lru_cache(maxsize=64)
def _text(listing: Listing) -> str:
    """A bit for each id in the range."""
    ids = listing.instruments
    first, last = int(ids[0]), int(ids[-1])
    if last - first > SPARSE * len(ids):
        return packed(ids)
    is_listed = np.zeros(last - first + 1, bool)
    is_listed[ids - first] = True
    return f"{first} {b64encode(np.packbits(is_listed).tobytes()).decode()}"


def marks_of(kept: Mapping[str, Any]) -> Mapping[int, int]:
    """What `kept` was given."""
    if "prices" not in kept:
        return {int(instrument): price for instrument, price in kept.items()}
    text, prices = kept["instruments"], unpacked(kept["prices"])
    if text.count(" ") == 1:
        return Marks(_listing(text), prices)
    order = np.argsort(ids := unpacked(text))  # they were in none at first
    return Marks(Listing(ids[order]), prices[order])


@lru_cache(maxsize=64)
def _listing(text: str) -> Listing:
    first, bits = text.split(" ")
    is_listed = np.unpackbits(np.frombuffer(b64decode(bits), np.uint8)).view(bool)  # 9,000: 3 µs, as numbers 15
    return Listing(np.flatnonzero(is_listed) + int(first))

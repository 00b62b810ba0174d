"""Last prices of many instruments at once: signals carry thousands of them at times, of which few are looked up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import count

import numpy as np
from numpy.typing import NDArray

from trading.columns import Column


class Listing:
    """Instruments (by id) that are told together again and again: what depends on them alone is worked out once."""

    def __init__(self, instruments: Column) -> None:
        self.instruments = instruments

    def __len__(self) -> int:
        return len(self.instruments)

    @cached_property
    def places(self) -> dict[int, int]:
        return dict(zip(self.instruments.tolist(), count()))


class Marks(Mapping[int, int]):
    """By instrument id in 1/10,000 rupee; `prices` go with the listing, 0 where none is known."""

    __slots__ = ("_values", "listing", "prices")

    def __init__(self, listing: Listing, prices: Column) -> None:
        self.listing = listing
        self.prices = prices
        self._values = prices.data  # whose items are whole numbers of Python

    @classmethod
    def of(cls, marks: Mapping[int, int]) -> Marks:
        if isinstance(marks, Marks):
            return marks
        instruments, prices = (np.fromiter(of, np.int64, len(marks)) for of in (marks.keys(), marks.values()))
        return cls(Listing(instruments), prices)

    @property
    def known(self) -> Marks:
        """Without instruments that have no price."""
        is_known: NDArray[np.bool_] = self.prices != 0
        if is_known.all():
            return self
        return Marks(Listing(self.listing.instruments[is_known]), self.prices[is_known])

    def __getitem__(self, instrument: int) -> int:
        if price := self._values[self.listing.places[instrument]]:
            return price
        raise KeyError(instrument)

    def of_each(self, instruments: Iterable[int]) -> list[int]:
        """Their prices, a third of the way of asking for one after the other. Errors: KeyError."""
        values, places = self._values, self.listing.places
        found = [values[places[instrument]] for instrument in instruments]
        if 0 in found:
            raise KeyError("no price is known")
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(self.known.listing.instruments.tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self.prices))

    def __repr__(self) -> str:
        return repr(dict(self))

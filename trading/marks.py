"""Last prices of many instruments at once: signals carry thousands of them at times, of which few are looked up."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from operator import mul
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trading.columns import Column

MOST = 2**62  # sums stay below, or whole numbers of 64 bits would not be exact


class Listing:
    """Instruments (by id, in order) that are told together again and again: what depends on them alone is worked out
    once.
    """

    __slots__ = ("instruments", "values")

    def __init__(self, instruments: Column) -> None:
        self.instruments = instruments
        self.values = instruments.data  # whose items are whole numbers of Python

    @classmethod
    def of(cls, instruments: Iterable[int]) -> Self:
        return cls(np.array(sorted(instruments), np.int64))

    def __len__(self) -> int:
        return len(self.instruments)

    def __contains__(self, instrument: int) -> bool:
        place = bisect_left(self.values, instrument)
        return place < len(self) and self.values[place] == instrument

    def place(self, instrument: int) -> int:
        """Errors: KeyError."""
        if instrument not in self:
            raise KeyError(instrument)
        return bisect_left(self.values, instrument)

    def places(self, instruments: Column) -> NDArray[np.intp]:
        """Errors: KeyError where one is not in it."""
        places = np.searchsorted(self.instruments, instruments)
        if (places == len(self)).any() or (self.instruments[places] != instruments).any():
            raise KeyError("not all are listed")
        return places

    def joined(self, instruments: Iterable[int]) -> Listing:
        """With these as well."""
        new = np.array(sorted({instrument for instrument in instruments if instrument not in self}), np.int64)
        places = np.searchsorted(self.instruments, new)
        return Listing(np.insert(self.instruments, places, new)) if new.size else self


class Marks(Mapping[int, int]):
    """By instrument id in 1/10,000 rupee; `prices` go with the listing, 0 where none is known."""

    __slots__ = ("_values", "listing", "prices")

    def __init__(self, listing: Listing, prices: Column) -> None:
        self.listing = listing
        self.prices = prices
        self._values = prices.data

    @classmethod
    def of(cls, marks: Mapping[int, int]) -> Marks:
        if isinstance(marks, Marks):
            return marks
        listing = Listing.of(marks)
        return cls(listing, np.array([marks[instrument] for instrument in listing.instruments.tolist()], np.int64))

    @property
    def known(self) -> Marks:
        """Without instruments that have no price."""
        is_known: NDArray[np.bool_] = self.prices != 0
        if is_known.all():
            return self
        return Marks(Listing(self.listing.instruments[is_known]), self.prices[is_known])

    def __getitem__(self, instrument: int) -> int:
        if price := self._values[self.listing.place(instrument)]:
            return price
        raise KeyError(instrument)

    def worth(self, units: Units) -> int:
        """Of so many of each instrument, in 1/10,000 rupee, exactly. Errors: KeyError where no price is known."""
        prices = self.prices[units.places(self.listing)]
        if not prices.all():
            raise KeyError("not all prices are known")
        if int(prices.max(initial=0)) * units.total < MOST:
            return int(units.each @ prices)
        return sum(map(mul, units.each.tolist(), prices.tolist()))

    def __iter__(self) -> Iterator[int]:
        return iter(self.known.listing.instruments.tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self.prices))

    def __repr__(self) -> str:
        return repr(dict(self))


def plain(marks: Mapping[int, int]) -> Mapping[int, int]:
    """For many lookups; 0 where no price is known."""
    return dict(zip(marks.listing.values, marks.prices.tolist(), strict=True)) if isinstance(marks, Marks) else marks


class Units:
    """How many of each instrument are held, as columns; `total` counts those sold short as well."""

    __slots__ = ("_found", "each", "instruments", "total")

    def __init__(self, units: Mapping[int, int]) -> None:
        self.total = sum(map(abs, units.values()))
        self.instruments = np.fromiter(units, np.int64, len(units))
        self.each = np.array([*units.values()], np.int64 if self.total < MOST else object)
        self._found: tuple[Listing, NDArray[np.intp]] | None = None

    def places(self, listing: Listing) -> NDArray[np.intp]:
        """In a listing, which is that of the time before at nearly every signal. Errors: KeyError."""
        if self._found is None or self._found[0] is not listing:
            self._found = listing, listing.places(self.instruments)
        return self._found[1]

"""Which last prices the signals of a portfolio carry."""

from __future__ import annotations

from dataclasses import dataclass


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

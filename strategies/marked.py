"""Which last prices the signals of a portfolio carry."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Marked:
    """The instruments whose last prices the signals of a portfolio carry: those for which its strategies have
    signalled, for it may hold something of them.
    """

    instruments: set[int] = field(default_factory=set)
    is_all: bool = False

    def with_own(self, instrument: int) -> set[int] | None:
        """None is all of them."""
        self.instruments.add(instrument)
        return None if self.is_all else self.instruments

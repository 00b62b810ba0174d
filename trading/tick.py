"""A tick: one price of one instrument, with its number in the market's log."""

from datetime import datetime
from decimal import Decimal

import msgspec

from trading.instrument import Instrument, from_e4
from trading.session import aware


class Level(msgspec.Struct, frozen=True, gc=False):
    """One level of depth: price in 1/10,000 rupee and the shares it holds."""

    price_e4: int
    quantity: int


class Depth(msgspec.Struct, frozen=True, gc=False):
    """Up to five levels a side, best first; empty levels are left out."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Tick(msgspec.Struct, frozen=True, gc=False):
    """Times are microseconds since the epoch (UTC); `arrival` is None where a file does not record it."""

    number: int
    instrument: Instrument
    price_e4: int
    time: int
    volume: int = 0
    arrival: int | None = None
    depth: Depth | None = None

    @property
    def price(self) -> Decimal:
        """Last price in rupees."""
        return from_e4(self.price_e4)

    @property
    def exchange_time(self) -> datetime:
        return aware(self.time)

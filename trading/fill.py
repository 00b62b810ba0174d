"""A fill: the n-th part of an order that traded, with what it cost."""

from decimal import Decimal
from uuid import UUID

import msgspec

from trading.charges import Charges
from trading.instrument import Instrument
from trading.order import Side


class Fill(msgspec.Struct, frozen=True, gc=False):
    """`price` in rupees a share; `time` is the exchange time of its tick in microseconds."""

    order: UUID
    n: int
    strategy: int
    instrument: Instrument
    side: Side
    quantity: int
    price: Decimal
    tick: int
    time: int
    charges: Charges

    @property
    def signed_quantity(self) -> int:
        return self.side.sign * self.quantity

    @property
    def value(self) -> Decimal:
        return self.price * self.quantity * self.instrument.multiplier

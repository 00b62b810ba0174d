"""An order and its life: OPEN → COMPLETE, CANCELLED or EXPIRED; no way back."""

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import msgspec

from trading.instrument import Instrument

ZERO = Decimal(0)


class Side(StrEnum):
    """`sign` is +1 for BUY, −1 for SELL: signed quantity = sign × quantity."""

    BUY = "BUY"
    SELL = "SELL"

    def __init__(self, name: str) -> None:
        self.sign = 1 if name == "BUY" else -1

    @staticmethod
    def of(signed_quantity: int) -> "Side":
        return BUY if signed_quantity > 0 else SELL


class OrderType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SL_M = "SL-M"

    @property
    def has_limit(self) -> bool:
        return self in (OrderType.LIMIT, OrderType.SL)

    @property
    def has_trigger(self) -> bool:
        return self in (OrderType.SL, OrderType.SL_M)


class Validity(StrEnum):
    DAY = "DAY"
    IOC = "IOC"
    TTL = "TTL"


class OrderStatus(StrEnum):
    OPEN = "OPEN"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


# Looked up at every signal, where an enum takes three times as long to find its member
BUY, SELL = Side.BUY, Side.SELL
MARKET, OPEN, COMPLETE = OrderType.MARKET, OrderStatus.OPEN, OrderStatus.COMPLETE


class Terms(msgspec.Struct, frozen=True, gc=False):
    """How an order may fill; prices in 1/10,000 rupee."""

    order_type: OrderType = OrderType.MARKET
    limit_e4: int | None = None
    trigger_e4: int | None = None
    validity: Validity = Validity.DAY
    validity_minutes: int | None = None


class Order(msgspec.Struct, gc=False):
    """A working order as it is matched; `strategy` is the ordinal of its strategy in the portfolio.

    `value` and `brokerage` are what its fills came to so far, in rupees.
    """

    id: UUID
    strategy: int
    instrument: Instrument
    side: Side
    quantity: int
    terms: Terms
    placed_tick: int
    placed_time: int
    status: OrderStatus = OrderStatus.OPEN
    filled: int = 0
    fill_count: int = 0
    value: Decimal = ZERO
    brokerage: Decimal = ZERO
    is_triggered: bool = False
    closed_tick: int | None = None

    @property
    def remaining(self) -> int:
        return self.quantity - self.filled

    @property
    def is_working(self) -> bool:
        return self.status is OPEN

    @property
    def signed_remaining(self) -> int:
        return self.side.sign * self.remaining

    def close(self, status: OrderStatus, tick: int) -> None:
        """Errors: ValueError when it is closed already."""
        if not self.is_working:
            raise ValueError(f"order {self.id} is {self.status} and cannot become {status}")
        self.status = status
        self.closed_tick = tick

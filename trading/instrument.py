"""What can be traded, and the integer scale of its prices."""

from dataclasses import dataclass
from decimal import Decimal

PRICE_SCALE = 10_000
E4 = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable; `id` is its number in the log, `token` is the broker's (it may be reused)."""

    id: int
    symbol: str
    tick_size: Decimal
    lot_size: int = 1
    exchange: str = "NSE"
    token: int | None = None
    multiplier: int = 1


def to_e4(price: Decimal) -> int:
    """Price in rupees → whole ten-thousandths of a rupee, half even."""
    return int((price * PRICE_SCALE).to_integral_value())


def from_e4(price_e4: int) -> Decimal:
    return price_e4 * E4

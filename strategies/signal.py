"""A signal: the edge at which a strategy's target position changes."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from numbers import Real
from uuid import UUID

import msgspec

from trading.instrument import Instrument, to_e4
from trading.order import OrderType, Side, Terms, Validity

Price = Decimal | int | float | str
MAX_POSITION = 10**9  # shares; far from what any column of the ledger holds
MIN_PRICE, MAX_PRICE = Decimal("0.0001"), Decimal(10**9)
MOST_REASON = 1_000  # characters: it goes into a row and an event of each signal
MAX_MINUTES = 366 * 24 * 60
_AT_MARKET = Terms()
_USUAL = OrderType.MARKET, None, None, Validity.DAY, None, "", 1.0  # of most targets: checked once, here


class Target(msgspec.Struct, frozen=True, gc=False):
    """The position a strategy wants in the instrument of the tick, and how to get there.

    Prices in rupees. Errors: ValueError naming the field, which quarantines the strategy.
    """

    position: int
    order_type: OrderType = OrderType.MARKET
    limit_price: Price | None = None
    trigger_price: Price | None = None
    validity: Validity = Validity.DAY
    validity_minutes: int | None = None
    reason: str = ""
    confidence: float = 1.0

    def __post_init__(self) -> None:
        if type(self.position) is not int or abs(self.position) > MAX_POSITION:
            raise ValueError(f"target position must be a whole number of shares, got {self.position!r}")
        if self._rest == _USUAL:
            return
        if not _is_text(self.reason):
            raise ValueError(f"reason must be text that a database can store, got {self.reason!r}"[:MOST_REASON])
        if len(self.reason) > MOST_REASON:
            raise ValueError(f"reason has {len(self.reason):,} characters; at most {MOST_REASON:,} are kept")
        if not _is_fraction(self.confidence):
            raise ValueError(f"confidence must lie between 0 and 1, got {self.confidence!r}")
        self._check_price("limit_price", self.limit_price, OrderType(self.order_type).has_limit)
        self._check_price("trigger_price", self.trigger_price, OrderType(self.order_type).has_trigger)
        if not self._has_its_minutes():
            raise ValueError("validity_minutes, a whole number, goes with validity TTL and only with it")

    @property
    def _rest(self) -> tuple[object, ...]:
        """All but the position."""
        prices = self.limit_price, self.trigger_price
        return self.order_type, *prices, self.validity, self.validity_minutes, self.reason, self.confidence

    def terms(self) -> Terms:
        if self._rest == _USUAL:
            return _AT_MARKET
        return Terms(
            order_type=OrderType(self.order_type),
            limit_e4=None if self.limit_price is None else to_e4(Decimal(str(self.limit_price))),
            trigger_e4=None if self.trigger_price is None else to_e4(Decimal(str(self.trigger_price))),
            validity=Validity(self.validity),
            validity_minutes=self.validity_minutes,
        )

    def _check_price(self, name: str, price: Price | None, wanted: bool) -> None:
        if (price is not None) != wanted:
            raise ValueError(f"{self.order_type} {'needs' if wanted else 'takes no'} {name}")
        if price is not None and not _is_price(price):
            raise ValueError(f"{name} must be a price from {MIN_PRICE} to {MAX_PRICE} rupees, got {price!r}")

    def _has_its_minutes(self) -> bool:
        minutes = self.validity_minutes
        if Validity(self.validity) is not Validity.TTL:
            return minutes is None
        return type(minutes) is int and 0 < minutes <= MAX_MINUTES


@lru_cache(maxsize=1_000, typed=True)
def plain_target(position: int) -> Target:
    """A position and nothing else, as most targets are: a strategy wants the same few again and again."""
    return Target(position)


class Source(StrEnum):
    """Who wants it: the strategy itself, or a rule that looks after it."""

    STRATEGY = "strategy"
    RULE = "rule"


class Signal(msgspec.Struct, frozen=True, gc=False):
    """`strategy` is the ordinal in its portfolio, `n` counts the signals of one strategy at one tick.

    `price_e4` is the tick's price and `previous_e4` that of the instrument's tick before it; `marks` are the
    last prices (1/10,000 rupee) of the portfolio's instruments at the tick; times in microseconds. `volume` are the
    shares traded in the instrument lately, None where nobody counted.
    """

    id: UUID
    strategy: int
    tick: int
    n: int
    instrument: Instrument
    side: Side
    quantity: int
    target: int
    terms: Terms
    time: int
    arrival: int | None
    price_e4: int
    previous_e4: int | None
    marks: Mapping[int, int]
    reason: str = ""
    confidence: float = 1.0
    source: Source = Source.STRATEGY
    volume: int | None = None

    @property
    def turn(self) -> int:
        """Who goes first at a tick; the signals of one strategy keep their order."""
        return self.strategy


def _is_price(price: Price) -> bool:
    try:
        return MIN_PRICE <= Decimal(str(price)) <= MAX_PRICE
    except ArithmeticError:  # no number, or NaN, which has no order
        return False


def _is_fraction(confidence: object) -> bool:
    return isinstance(confidence, Real | Decimal) and 0 <= float(confidence) <= 1


def _is_text(reason: object) -> bool:
    """PostgreSQL takes neither NUL nor half a surrogate pair."""
    return type(reason) is str and "\0" not in reason and reason.encode(errors="ignore").decode() == reason

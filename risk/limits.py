"""Limits: what a person sets. The smaller, the tighter; None is off, and what may be done may be forbidden."""

from decimal import Decimal

import msgspec


class Limits(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """Shares, orders, rupees, seconds; deviations, concentration, leverage and the part of a volume are fractions.

    Only the first four are on unless a person sets more. Each signal looks up what to ask under its limits, so they
    keep their hash.
    """

    max_position: int | None = 1_000
    max_trades_per_day: int | None = 50  # of a strategy
    max_price_deviation: Decimal | None = Decimal("0.10")
    max_age_seconds: Decimal | None = Decimal(5)
    max_order_quantity: int | None = None
    max_order_value: Decimal | None = None
    max_position_value: Decimal | None = None
    max_gross_exposure: Decimal | None = None
    max_net_exposure: Decimal | None = None
    max_concentration: Decimal | None = None  # position value / equity
    max_leverage: Decimal | None = None  # gross exposure / equity
    max_open_orders: int | None = None
    max_orders_per_day: int | None = None  # of the portfolio
    max_orders_per_second: int | None = None  # of the portfolio, in market time
    min_seconds_between_equals: Decimal | None = None  # same strategy, instrument, side and quantity
    max_volume_fraction: Decimal | None = None  # order quantity / shares traded in the last minutes
    max_close_deviation: Decimal | None = None  # from the previous close, where it is known
    allowed_instruments: tuple[str, ...] | None = None  # symbols
    forbidden_instruments: tuple[str, ...] | None = None
    may_short: bool = True
    may_overdraw: bool = True
    may_cross_itself: bool = True
    may_trade_after_hours: bool = True
    may_leave_grid: bool = True  # prices off the tick size, quantities off the lot size
    may_leave_circuit: bool = True  # prices beyond the circuit limits, where they are known
    may_slice: bool = True  # more than the freeze quantity, in several orders


LIMIT_NAMES = Limits.__struct_fields__
NO_LIMITS = Limits(None, None, None, None)

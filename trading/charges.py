"""Charges on Indian equity trades. Rates are dated rows; nothing here is a constant but the formula.

Source of the formulas: Zerodha's charge list and the charge blocks of its sample API answers.
Each part is computed exactly and rounded once, to 6 decimals, half even.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

import msgspec

from trading.order import Side

MICRO = Decimal("0.000001")


class Product(StrEnum):
    """MIS is intraday, CNC is delivery."""

    MIS = "MIS"
    CNC = "CNC"


@dataclass(frozen=True, slots=True)
class Rates:
    """Fractions of the trade's value that hold for a product from a day on; the cap is in rupees an order."""

    product: Product
    exchange: str
    valid_from: date
    brokerage: Decimal
    brokerage_cap: Decimal
    stt_buy: Decimal
    stt_sell: Decimal
    transaction: Decimal
    ipft: Decimal
    sebi: Decimal
    stamp_buy: Decimal
    gst: Decimal


class Charges(msgspec.Struct, frozen=True, gc=False):
    """The parts of a fill's charges in rupees, 6 decimals each, so that they add up."""

    brokerage: Decimal
    stt: Decimal
    exchange: Decimal
    sebi: Decimal
    stamp: Decimal
    gst: Decimal

    @property
    def total(self) -> Decimal:
        return self.brokerage + self.stt + self.exchange + self.sebi + self.stamp + self.gst


def micro(amount: Decimal) -> Decimal:
    """Rupees to 6 decimals, half even."""
    return amount.quantize(MICRO, ROUND_HALF_EVEN)


def rates_on(day: date, product: Product, exchange: str, rows: Iterable[Rates]) -> Rates:
    """The newest row that holds on a day. Errors: LookupError naming what is missing."""
    held = [r for r in rows if (r.product, r.exchange) == (product, exchange) and r.valid_from <= day]
    if not held:
        raise LookupError(f"no charge rates for {product} on {exchange} at {day}: add a row")
    return max(held, key=lambda r: r.valid_from)


class RatesTable:
    """Rates by day, product and exchange; each looked up once."""

    def __init__(self, rows: Iterable[Rates]) -> None:
        self._rows = list(rows)
        self._found: dict[tuple[date, Product, str], Rates] = {}

    def __call__(self, day: date, product: Product, exchange: str) -> Rates:
        wanted = (day, product, exchange)
        if (found := self._found.get(wanted)) is None:
            found = self._found[wanted] = rates_on(day, product, exchange, self._rows)
        return found


def brokerage_of(value: Decimal, rates: Rates) -> Decimal:
    """Brokerage of a whole order that has traded `value` so far."""
    return micro(min(rates.brokerage_cap, rates.brokerage * value))


def charge(side: Side, value: Decimal, brokerage: Decimal, rates: Rates) -> Charges:
    """Charges of a fill of `value` rupees that bears `brokerage`; IPFT is not taxed."""
    buying = side.sign > 0
    taxed = brokerage + (rates.transaction + rates.sebi) * value
    return Charges(
        brokerage=brokerage,
        stt=micro((rates.stt_buy if buying else rates.stt_sell) * value),
        exchange=micro((rates.transaction + rates.ipft) * value),
        sebi=micro(rates.sebi * value),
        stamp=micro(rates.stamp_buy * value) if buying else Decimal(0),
        gst=micro(rates.gst * taxed),
    )

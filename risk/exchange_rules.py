"""Rules about what the exchange takes, and about which instruments are traded at all.

What is not known of an instrument (`trading.facts`) is not held against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from risk.account_rules import INFINITE, AccountRule, Asked, Ban
from risk.decision import Verdict
from risk.limits import Limits
from risk.situation import Situation
from trading.instrument import PRICE_SCALE

MOST_SLICES = 20  # of one decision; what an exit needs is bounded by the entries before it


def after_hours(situation: Situation) -> str | None:
    signal = situation.signal
    return situation.exchange.calendar.closed(signal.instrument.exchange, signal.time)


def off_grid(situation: Situation) -> str | None:
    """Prices must be whole ticks, quantities whole lots."""
    signal, terms = situation.signal, situation.signal.terms
    step = int(signal.instrument.tick_size * PRICE_SCALE)
    if any(price is not None and price % step for price in (terms.limit_e4, terms.trigger_e4)):
        return f"a price is no multiple of {signal.instrument.tick_size}"
    if situation.ordered % signal.instrument.lot_size:
        return f"{abs(situation.ordered)} is no multiple of lots of {signal.instrument.lot_size}"
    return None


def beyond_circuit(situation: Situation) -> str | None:
    """The exchange takes no order outside of the day's band; a MARKET order is held against the last price."""
    facts, price = situation.facts, situation.price
    if facts.lower_circuit is not None and price < facts.lower_circuit:
        return f"{price} is below {facts.lower_circuit:f}"
    if facts.upper_circuit is not None and price > facts.upper_circuit:
        return f"{price} is above {facts.upper_circuit:f}"
    return None


def close_deviation(situation: Situation) -> Verdict | None:
    """|price − previous close| / previous close."""
    limit, close = situation.limits.max_close_deviation, situation.facts.previous_close
    if limit is None or close is None:
        return None
    off = abs(situation.price - close)
    return situation.verdict(
        "close_deviation", "max_close_deviation", limit, round(off / close, 6), off <= limit * close, situation.is_exit
    )


def freeze(situation: Situation) -> Verdict | None:
    """Orders that it takes: one order holds the freeze quantity at most."""
    if situation.facts.freeze_quantity is None:
        return None
    most = MOST_SLICES if situation.limits.may_slice else 1
    return situation.verdict("freeze", "may_slice", most, situation.slices, situation.slices <= most, situation.is_exit)


def volume_fraction(situation: Situation) -> Verdict | None:
    """A fat finger: shares ordered / shares traded in the instrument lately, as far as the feed tells."""
    limit, volume = situation.limits.max_volume_fraction, situation.signal.volume
    if limit is None:
        return None
    if volume is None:
        return situation.verdict("volume_fraction", "max_volume_fraction", limit, None, True)
    ordered = abs(situation.ordered)
    observed = round(Decimal(ordered) / volume, 6) if volume else INFINITE
    return situation.verdict(
        "volume_fraction", "max_volume_fraction", limit, observed, ordered <= limit * volume, situation.is_exit
    )


@dataclass(frozen=True, slots=True)
class Listing:
    """Whether the instrument must be, or must not be, in a list."""

    rule: str
    limit: str
    is_wanted: bool

    def is_on(self, limits: Limits) -> bool:
        return getattr(limits, self.limit) is not None

    def __call__(self, situation: Situation) -> Verdict | None:
        symbols = getattr(situation.limits, self.limit)
        if symbols is None:
            return None
        symbol = situation.signal.instrument.symbol
        return situation.verdict(
            self.rule, self.limit, ", ".join(symbols), symbol, (symbol in symbols) is self.is_wanted, situation.is_exit
        )


EXCHANGE_RULES: tuple[AccountRule, ...] = (
    Ban("session", "may_trade_after_hours", after_hours),
    Ban("grid", "may_leave_grid", off_grid),
    Ban("circuit", "may_leave_circuit", beyond_circuit),
    Asked(close_deviation, "max_close_deviation"),
    Asked(freeze),
    Asked(volume_fraction, "max_volume_fraction"),
    Listing("allowed_instrument", "allowed_instruments", is_wanted=True),
    Listing("forbidden_instrument", "forbidden_instruments", is_wanted=False),
)
LIMIT_OF_EXCHANGE_RULE = {
    "close_deviation": "max_close_deviation",
    "freeze": "may_slice",
    "volume_fraction": "max_volume_fraction",
    **{rule.rule: rule.permission for rule in EXCHANGE_RULES if isinstance(rule, Ban)},
    **{rule.rule: rule.limit for rule in EXCHANGE_RULES if isinstance(rule, Listing)},
}

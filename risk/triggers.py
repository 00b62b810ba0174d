"""What halts a portfolio by itself: thresholds that a person sets, held against what was observed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from risk.exits import Breach


@dataclass(frozen=True, slots=True)
class Thresholds:
    """None and False are off."""

    max_denials_per_minute: int | None = None
    max_orders_per_minute: int | None = None
    max_feed_age_seconds: int | None = None
    max_shard_lag: int | None = None
    reconciles: bool = False


@dataclass(frozen=True, slots=True)
class Observed:
    """Counts of the last minute, seconds, ticks; `differences` between the rows and what the fills add up to."""

    denials: int = 0
    orders: int = 0
    feed_age_seconds: float = 0.0
    shard_lag: int = 0
    differences: Sequence[str] = ()


def tripped(thresholds: Thresholds, observed: Observed) -> Iterator[Breach]:
    """In the order of how bad they are; a number may be as large as its threshold."""
    if thresholds.reconciles and observed.differences:
        yield Breach("reconciliation", "none", "; ".join(observed.differences))
    yield from _above("denials", thresholds.max_denials_per_minute, observed.denials)
    yield from _above("order_rate", thresholds.max_orders_per_minute, observed.orders)
    yield from _above("stale_feed", thresholds.max_feed_age_seconds, int(observed.feed_age_seconds))
    yield from _above("shard_lag", thresholds.max_shard_lag, observed.shard_lag)


def _above(rule: str, limit: int | None, observed: int) -> Iterator[Breach]:
    if limit is not None and observed > limit:
        yield Breach(rule, str(limit), str(observed))

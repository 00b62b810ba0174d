"""The paper exchange: how a working order meets a tick. Pure; prices in 1/10,000 rupee.

MARKET fills at the next tick at last × (1 ± slippage), rounded to the tick size, both against us; where the
tick has depth it walks the levels instead, and what they do not hold waits for the next tick. LIMIT fills at
the tick's price when that is at the limit or better. SL-M triggers at or through its trigger and fills as
MARKET on that tick; SL becomes a LIMIT on it. DAY, IOC and TTL hold for all but MARKET.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import msgspec

from trading.instrument import Instrument, to_e4
from trading.order import MARKET, Order, OrderStatus, Side, Validity
from trading.session import MINUTE, india_day
from trading.tick import Depth, Level, Tick


@dataclass(frozen=True, slots=True)
class PaperTerms:
    """What the paper exchange takes: slippage in basis points, latency in milliseconds of exchange time."""

    slippage_bps: Decimal = Decimal(5)
    latency_ms: int = 0


class Trade(msgspec.Struct, frozen=True, gc=False):
    """Shares that change hands at one price."""

    quantity: int
    price_e4: int


class Liquidity:
    """What a tick's depth still holds for us, shared by all orders that meet it."""

    def __init__(self, depth: Depth) -> None:
        self._asks, self._bids = list(depth.asks), list(depth.bids)

    def take(self, side: Side, quantity: int) -> Iterator[Trade]:
        """Walks the levels, best first, and leaves what it did not need."""
        levels = self._asks if side is Side.BUY else self._bids
        while quantity and levels:
            level = levels.pop(0)
            taken = min(quantity, level.quantity)
            if taken < level.quantity:
                levels.insert(0, Level(level.price_e4, level.quantity - taken))
            quantity -= taken
            yield Trade(taken, level.price_e4)


def match(order: Order, tick: Tick, liquidity: Liquidity | None, terms: PaperTerms) -> list[Trade]:
    """What trades when a working order meets a later tick of its instrument; moves trigger and status.

    The caller books the trades, which completes the order. MARKET orders wait for their tick however long it takes.
    """
    if tick.time < order.placed_time + terms.latency_ms * 1_000:
        return []
    if order.terms.order_type is MARKET:
        return _at_market(order, tick, liquidity, terms)
    if _has_lapsed(order, tick):
        order.close(OrderStatus.EXPIRED, tick.number)
        return []
    trades = list(_trades(order, tick, liquidity, terms))
    traded = sum(trade.quantity for trade in trades)
    if order.terms.validity is Validity.IOC and traded < order.remaining:
        order.close(OrderStatus.EXPIRED, tick.number)
    return trades


def market_price(side: Side, tick: Tick, instrument: Instrument, slippage_bps: Decimal) -> int:
    """last × (1 ± slippage), then to a multiple of the tick size, both against us; never below one tick."""
    factor, divisor, step = _slippage(side, instrument.tick_size, slippage_bps)
    steps = -(-tick.price_e4 * factor // divisor) if side.sign > 0 else tick.price_e4 * factor // divisor
    return max(steps, 1) * step


@lru_cache(maxsize=1_000)
def _slippage(side: Side, tick_size: Decimal, slippage_bps: Decimal) -> tuple[int, int, int]:
    """What a price is multiplied with and divided by to be in steps, and the step."""
    bps, scale = slippage_bps.as_integer_ratio()
    step = to_e4(tick_size) or 1
    return 10_000 * scale + side.sign * bps, 10_000 * scale * step, step


def _trades(order: Order, tick: Tick, liquidity: Liquidity | None, terms: PaperTerms) -> Iterator[Trade]:
    if not _is_live(order, tick):
        return
    if order.terms.order_type.has_limit:
        if _is_at_or_better(order, tick):
            yield Trade(order.remaining, tick.price_e4)
    else:
        yield from _at_market(order, tick, liquidity, terms)


def _at_market(order: Order, tick: Tick, liquidity: Liquidity | None, terms: PaperTerms) -> list[Trade]:
    if liquidity:
        return list(liquidity.take(order.side, order.remaining))
    return [Trade(order.remaining, market_price(order.side, tick, order.instrument, terms.slippage_bps))]


def _is_live(order: Order, tick: Tick) -> bool:
    """Orders without a trigger are live at once; the others from the tick that reaches it."""
    if not order.terms.order_type.has_trigger or order.is_triggered:
        return True
    distance = tick.price_e4 - (order.terms.trigger_e4 or 0)
    order.is_triggered = distance * order.side.sign >= 0
    return order.is_triggered


def _is_at_or_better(order: Order, tick: Tick) -> bool:
    return ((order.terms.limit_e4 or 0) - tick.price_e4) * order.side.sign >= 0


def _has_lapsed(order: Order, tick: Tick) -> bool:
    match order.terms.validity:
        case Validity.DAY:
            return india_day(tick.time) > india_day(order.placed_time)
        case Validity.TTL:
            return tick.time >= order.placed_time + (order.terms.validity_minutes or 0) * MINUTE
        case _:
            return False

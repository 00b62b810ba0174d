"""Strategies that do what ours do not: wait for their fills, rest orders. They signal seldom: replays must flow."""

from decimal import Decimal

from strategies.base import Strategy
from strategies.signal import Target
from trading.order import OrderType

FAR_BELOW = Decimal("0.95")


class Patient(Strategy):
    """Sees its fills: adds shares when the last order is filled, sells all at 50."""

    sees_fills = True

    def start(self) -> None:
        self.held = 0
        self.ticks = 0

    def on_fill(self, fill) -> None:
        self.held += fill.signed_quantity

    def on_tick(self, tick):
        self.ticks += 1
        if self.held != self.target or self.ticks % 397:
            return None
        return 0 if self.held >= 50 else self.held + 10


class Fisher(Strategy):
    """Its limit orders rest below the market; another price now and then."""

    def start(self) -> None:
        self.ticks = 0

    def on_tick(self, tick):
        self.ticks += 1
        if self.ticks % 61:
            return None
        wanted = 10 if self.target != 10 else 20
        return Target(wanted, OrderType.LIMIT, limit_price=tick.price * FAR_BELOW)

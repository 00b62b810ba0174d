"""Strategies of a person, good and bad, for tests of the pipeline."""

import os
from contextlib import suppress
from decimal import Decimal
from time import sleep

from strategies.base import Strategy
from strategies.signal import Target
from trading.order import OrderType

JUST_BELOW = Decimal("0.999")
LOW = Decimal("0.91")  # far enough never to fill, near enough for the price deviation limit


class Pyramid(Strategy):
    """Sees its fills: buys again only when the last order is filled, sells all at 30."""

    sees_fills = True

    def start(self) -> None:
        self.held = 0
        self.ticks = 0

    def on_fill(self, fill) -> None:
        self.held += fill.signed_quantity

    def on_tick(self, tick):
        self.ticks += 1
        if self.held != self.target or self.ticks % 7:
            return None
        return 0 if self.held >= 30 else self.held + 10


class Angler(Strategy):
    """Sees its fills: each limit order is put out on a fifth tick, when the one before it has been filled."""

    sees_fills = True

    def start(self) -> None:
        self.held = 0
        self.ticks = 0

    def on_fill(self, fill) -> None:
        self.held += fill.signed_quantity

    def on_tick(self, tick):
        self.ticks += 1
        if self.held != self.target or self.ticks % 5:
            return None
        return Target(self.target + 1, OrderType.LIMIT, limit_price=tick.price * JUST_BELOW)


class Resting(Strategy):
    """Wants shares far below the market, so its order rests."""

    def on_tick(self, tick):
        return Target(10, OrderType.LIMIT, limit_price=tick.price * LOW)


class Raises(Strategy):
    """Rests an order, then fails at its fifth tick."""

    def start(self) -> None:
        self.ticks = 0

    def on_tick(self, tick):
        self.ticks += 1
        if self.ticks == 5:
            raise ZeroDivisionError("by design")
        return Target(10, OrderType.LIMIT, limit_price=tick.price * LOW) if self.ticks == 2 else None


class Nonsense(Strategy):
    def on_tick(self, tick):
        return float("nan")


class Exits(Strategy):
    """Ends its process at its thirtieth tick, whoever runs it."""

    def start(self) -> None:
        self.ticks = 0

    def on_tick(self, tick):
        self.ticks += 1
        if self.ticks == 30:
            os._exit(1)


class Hangs(Exits):
    """Never comes back from its thirtieth tick."""

    def on_tick(self, tick):
        self.ticks += 1
        while self.ticks >= 30:
            sleep(60)


class Swallows(Exits):
    """Never comes back from its thirtieth tick, whatever is raised into it."""

    def on_tick(self, tick):
        self.ticks += 1
        while self.ticks >= 30:
            with suppress(BaseException):
                sleep(60)


class EatsMemory(Exits):
    """Wants more at its thirtieth tick than any worker may have."""

    def on_tick(self, tick):
        self.ticks += 1
        if self.ticks == 30:
            self.eaten = ["x" * 10_000_000 for _ in range(1_000)]


class Hoards(Strategy):
    """Its state grows with every tick."""

    def start(self) -> None:
        self.hoard = []

    def on_tick(self, tick):
        self.hoard.append("x" * 1_000)


class Mad(Strategy):
    """Wants the world one way, then the other, at every tick; faster and faster, until nobody listens."""

    def start(self) -> None:
        self.ticks = 0

    def on_tick(self, tick):
        self.ticks += 1
        size = 50 if self.ticks < 10 else 100_000
        count = 2 if self.ticks < 130 else 11
        return [Target(size * (-1) ** (self.ticks + n), reason="mad") for n in range(count)]

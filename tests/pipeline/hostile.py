"""Strategies that a hostile person writes."""

from decimal import Decimal

from strategies.base import Parameters, Strategy
from strategies.signal import Target
from trading.order import OrderType


class Count(Parameters):
    divisor: int = 1


class FillCounter(Strategy):
    """Wants a position that depends on how many fills it was shown."""

    sees_fills = True

    def start(self):
        self.ticks = 0
        self.shown = 0

    def on_fill(self, fill):
        self.shown += 1

    def on_tick(self, tick):
        self.ticks += 1
        return self.shown * 2 + 1 if self.ticks % 5 == 0 else None


class NulReason(Strategy):
    def on_tick(self, tick):
        raise ValueError("a\x00b")


class SurrogateReason(Strategy):
    def on_tick(self, tick):
        raise ValueError("a\ud800b")


class Interrupts(Strategy):
    def on_tick(self, tick):
        raise KeyboardInterrupt


class BadText(Strategy):
    def on_tick(self, tick):
        class MuteError(Exception):
            def __str__(self):
                raise RuntimeError("mute")

        raise MuteError


class Circular(Strategy):
    def on_tick(self, tick):
        self.me = []
        self.me.append(self.me)
        return 7


class BrokenDump(Strategy):
    def on_tick(self, tick):
        return 7

    def dump(self):
        return {}["x"]


class NoTarget(Strategy):
    def on_tick(self, tick):
        if tick.number == 5:
            return 5
        if tick.number == 9:
            del self.target
            return 7
        return None


class PoisonTarget(Strategy):
    def on_tick(self, tick):
        if tick.number == 9:
            self.target = object()
            raise ValueError("with an odd target")


class Divides(Strategy):
    """`start` fails for one value of a parameter."""

    Parameters = Count

    def start(self):
        self.share = 100 // self.parameters.divisor

    def on_tick(self, tick):
        return 10 if tick.number % 7 else 0


class TupleState(Strategy):
    """State that is no JSON: fine in a backtest, a fault at whatever tick the pipeline happens to save."""

    def on_tick(self, tick):
        self.last = (tick.price_e4,)
        return 10 if tick.number // 10 % 2 else 0


class RestsThenFails(Strategy):
    def on_tick(self, tick):
        if tick.number == 3:
            return Target(800, OrderType.LIMIT, limit_price=tick.price * Decimal("0.91"))
        if tick.number == 50:
            raise RuntimeError("by design")
        return None


class BuysAtFifty(Strategy):
    def on_tick(self, tick):
        if tick.number == 50:
            return 500
        return 0 if tick.number == 60 else None

"""Strategies that are odd rather than hostile: what a person may well write."""

from fractions import Fraction

import numpy as np

from strategies.base import Strategy
from strategies.momentum import Momentum
from strategies.signal import Target


class NumpyConfidence(Strategy):
    confidence: object = np.float64(0.5)

    def on_tick(self, tick):
        return Target(10 if tick.number % 7 else 0, confidence=self.confidence)


class TrueConfidence(NumpyConfidence):
    confidence = True


class FractionConfidence(NumpyConfidence):
    confidence = Fraction(1, 2)


class WishesTooFar(Strategy):
    """Its form for arrays returns nonsense; asked one by one it wants nothing."""

    wishes: object = [(10**6, 5)]

    def on_tick(self, tick):
        return None

    def on_prices(self, prices):
        return self.wishes


class WishesBehind(WishesTooFar):
    wishes = [(-1, 5)]


class WishesNumber(WishesTooFar):
    wishes = 5


class WishesTriples(WishesTooFar):
    wishes = [(1, 2, 3)]


class WishesFloats(WishesTooFar):
    wishes = [(1.0, 5)]


class KeepsObject(WishesTooFar):
    """A state that cannot be kept, and a form for arrays."""

    def start(self):
        self.thing = object()


class Choosy(Momentum):
    """Momentum, but only at every fourth tick."""

    def on_tick(self, tick):
        wanted = super().on_tick(tick)
        return wanted if tick.number % 4 == 0 else None


class Breaks(Strategy):
    """Wants 10 from its 20th price on, fails at its 100th."""

    def start(self):
        self.count = 0

    def on_tick(self, tick):
        self.count += 1
        if self.count == 100:
            raise ValueError("by design")
        return 10 if self.count == 20 else None

    def on_prices(self, prices):
        before, self.count = self.count, self.count + len(prices)
        if before < 100 <= self.count:
            raise ValueError("by design")
        return [(19 - before, 10)] if before < 20 <= self.count else []


class Chatty(Strategy):
    def on_tick(self, tick):
        return Target(10 if tick.number % 2 else 0, reason="x" * 1_000_000)


class Counts(Strategy):
    """Its position says how many ticks it was shown."""

    def start(self):
        self.count = 0

    def on_tick(self, tick):
        self.count += 1
        return self.count


class LeavesLater(Strategy):
    """Its `start` ends the process from the second time on: when a worker loads it again."""

    starts = 0

    def start(self):
        LeavesLater.starts += 1
        if LeavesLater.starts > 1:
            raise SystemExit("no licence server")

    def on_tick(self, tick):
        return 10 if tick.number % 7 else 0

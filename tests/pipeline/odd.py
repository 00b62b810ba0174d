"""Strategies that are odd rather than hostile: what a person may well write."""

from fractions import Fraction

import numpy as np

from strategies.base import Strategy
from strategies.indicators import Window
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

    def on_prices(self, sheet, panel):
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
    """Wants 10 from its 20th price on, fails at its 100th, in its form for arrays as well."""

    def start(self):
        self.prices = Window(1_000)

    def on_tick(self, tick):
        self.prices.add(tick.price_e4)
        if len(self.prices) == 100:
            raise ValueError("by design")
        return 10 if len(self.prices) == 20 else None

    def on_prices(self, sheet, panel):
        count = panel.windows["prices"].counts(sheet.rows)[sheet.group] + sheet.nth + 1
        if (count == 100).any():
            raise ValueError("by design")
        return [(index, 10) for index in np.flatnonzero(count == 20).tolist()]


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


class CountsLater(Counts):
    """Only from its seventh price on."""

    def on_tick(self, tick):
        wanted = super().on_tick(tick)
        return wanted if wanted > 6 else None


class LeavesLater(Strategy):
    """Its `start` ends the process from the second time on: when a worker loads it again."""

    starts = 0

    def start(self):
        LeavesLater.starts += 1
        if LeavesLater.starts > 1:
            raise SystemExit("no licence server")

    def on_tick(self, tick):
        return 10 if tick.number % 7 else 0

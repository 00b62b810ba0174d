"""Mean reversion: trade against a price that is far from its mean, leave when it is back."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from strategies.arrays import MOST, Prices64, Wishes, next_true, window_sums
from strategies.base import Parameters, Strategy
from strategies.indicators import Window
from trading.tick import Tick


class MeanReversionParameters(Parameters):
    lookback: int = Field(20, ge=2, le=100_000, description="prices in the window, the tick's own included")
    entry_z: Decimal = Field(Decimal("2.0"), gt=0, lt=100, description="deviations from the mean to enter at")
    exit_z: Decimal = Field(Decimal("0.5"), gt=-100, lt=100, description="deviations to leave at")
    quantity: int = Field(100, ge=1, description="shares wanted")
    allow_short: bool = Field(True, description="sell above the mean, or only buy below it")

    @model_validator(mode="after")
    def _leaves_inside(self) -> Self:
        if self.exit_z >= self.entry_z:
            raise ValueError("exit_z must be below entry_z")
        return self


class MeanReversion(Strategy):
    """z = (P[t] − mean) / s over the window, s the sample deviation; no opinion while s = 0."""

    Parameters = MeanReversionParameters

    def start(self) -> None:
        self.prices = Window(self.parameters.lookback)

    def on_tick(self, tick: Tick) -> int | None:
        self.prices.add(tick.price_e4)
        if not self.prices.is_full or not self._spread():
            return None
        entry, leave, quantity = self.parameters.entry_z, self.parameters.exit_z, self.parameters.quantity
        if self.target > 0:
            return 0 if self._compare(-leave) > 0 else None
        if self.target < 0:
            return 0 if self._compare(leave) < 0 else None
        if self._compare(-entry) < 0:
            return int(quantity)
        if self._compare(entry) > 0 and self.parameters.allow_short:
            return -int(quantity)
        return None

    def _spread(self) -> int:
        """n Σp² − (Σp)², which is n (n − 1) s²."""
        return self.prices.size * self.prices.squares - self.prices.total**2

    def _compare(self, bound: Decimal) -> int:
        """Sign of z − bound, exactly: z |z| against bound |bound|, in whole numbers.

        z² = D² (n − 1) / (n V) with D = n P − Σp and V = n Σp² − (Σp)².
        """
        n = self.prices.size
        away = n * self.prices.last - self.prices.total
        above, below = bound.as_integer_ratio()
        left = away * abs(away) * (n - 1) * below * below
        right = above * abs(above) * n * self._spread()
        return (left > right) - (left < right)

    def on_prices(self, prices: Prices64) -> Wishes | None:
        n, before, seen = self.prices.size, len(self.prices), self.prices.joined(prices)
        seen_near_0 = seen - seen[0]  # neither D nor V changes when all prices move alike
        if self._largest(int(np.abs(seen_near_0).max()), len(seen)) > MOST:
            return None
        self.prices.keep(seen)
        looked_at = max(before - n + 1, 0)  # windows of earlier batches
        deviations = _Deviations.of(seen_near_0, n, looked_at)
        begin = max(n - 1 - before, 0)
        return [(begin + at, position) for at, position in self._walk(deviations)]

    def _walk(self, deviations: _Deviations) -> Wishes:
        """From one opinion to the next, as `on_tick` would."""
        entry, leave, quantity = self.parameters.entry_z, self.parameters.exit_z, int(self.parameters.quantity)
        buys, rises = next_true(deviations.compare(-entry) < 0), next_true(deviations.compare(-leave) > 0)
        sells, falls = next_true(deviations.compare(entry) > 0), next_true(deviations.compare(leave) < 0)
        shorts = sells if self.parameters.allow_short else [len(sells)] * len(sells)
        found, held, at = Wishes(), self.target, 0
        while at < len(buys):
            if held:
                at, held = (rises if held > 0 else falls)[at], 0
            else:
                at, held = min((buys[at], quantity), (shorts[at], -quantity))
            found.append((at, held))
            at += 1
        return found[:-1] if found and found[-1][0] == len(buys) else found

    def _largest(self, price: int, count: int) -> int:
        """A bound of what `on_prices` works out, for prices and a count of them."""
        bounds = (self.parameters.entry_z, abs(self.parameters.exit_z))
        factor: int = max(max(bound.as_integer_ratio()) for bound in bounds)
        n = self.prices.size
        return max(4 * (n**3) * (price * factor) ** 2, count * price**2, int(self.parameters.quantity))


@dataclass(frozen=True, slots=True)
class _Deviations:
    """D and V of every window of n prices; see `MeanReversion._compare`."""

    n: int
    away: Prices64
    spread: Prices64

    @classmethod
    def of(cls, prices: Prices64, n: int, begin: int) -> Self:
        total, squares = window_sums(prices, n)[begin:], window_sums(prices * prices, n)[begin:]
        return cls(n, n * prices[n - 1 + begin :] - total, n * squares - total * total)

    def compare(self, bound: Decimal) -> Prices64:
        """Sign of z − bound for each window; 0 where all prices are alike."""
        above, below = bound.as_integer_ratio()
        left = self.away * np.abs(self.away) * ((self.n - 1) * below * below)
        right = self.spread * (above * abs(above) * self.n)
        return np.asarray(np.sign(left - right) * (self.spread > 0), dtype=np.int64)

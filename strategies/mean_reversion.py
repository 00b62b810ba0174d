"""Mean reversion: trade against a price that is far from its mean, leave when it is back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from strategies.arrays import MOST, Prices64, Wishes, next_true
from strategies.base import Parameters, Strategy
from strategies.indicators import Window
from strategies.panel import Panel
from strategies.sheet import Sheet
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

    def on_prices(self, sheet: Sheet, panel: Panel) -> Wishes | None:
        n, windows = self.prices.size, panel.windows["prices"]
        near_0 = sheet.prices[sheet.begins]  # neither D nor V changes when all prices of an instrument move alike
        prices, held = sheet.prices - near_0[sheet.group], windows.held(sheet, near_0) - near_0[:, None]
        if self._largest(int(max(np.abs(prices).max(), np.abs(held).max())), n + len(sheet)) > MOST:
            return None
        gone = windows.before(sheet, n, otherwise=near_0[sheet.group]) - near_0[sheet.group]
        total = held.sum(axis=1)[sheet.group] + sheet.running(prices - gone)
        squares = (held * held).sum(axis=1)[sheet.group] + sheet.running(prices * prices - gone * gone)
        spread = np.where(windows.is_full(sheet), n * squares - total * total, 0)
        return self._walk(_Deviations(n, n * prices - total, spread), sheet, panel.held(sheet))

    def _walk(self, deviations: _Deviations, sheet: Sheet, held: Prices64) -> Wishes:
        """From one opinion to the next, as `on_tick` would."""
        entry, leave = self.parameters.entry_z, self.parameters.exit_z
        buys, rises = next_true(deviations.compare(-entry) < 0), next_true(deviations.compare(-leave) > 0)
        sells, falls = next_true(deviations.compare(entry) > 0), next_true(deviations.compare(leave) < 0)
        shorts = sells if self.parameters.allow_short else np.full(len(sells), len(sells))
        turns = _Turns(int(self.parameters.quantity), buys.data, shorts.data, rises.data, falls.data)
        first = np.where(held > 0, rises[sheet.begins], falls[sheet.begins])
        first = np.where(held == 0, np.minimum(buys, shorts)[sheet.begins], first)
        moving = np.flatnonzero(first < sheet.ends)
        each = zip(sheet.begins[moving].tolist(), sheet.ends[moving].tolist(), held[moving].tolist(), strict=True)
        return [wish for begin, end, holding in each for wish in turns.between(begin, end, holding)]

    def _largest(self, price: int, count: int) -> int:
        """A bound of what `on_prices` works out, for prices and a count of them."""
        bounds = (self.parameters.entry_z, abs(self.parameters.exit_z))
        factor: int = max(max(bound.as_integer_ratio()) for bound in bounds)
        n = self.prices.size
        return max(4 * (n**3) * (price * factor) ** 2, count * price**2, int(self.parameters.quantity))


@dataclass(frozen=True, slots=True)
class _Deviations:
    """D and V of the window that ends with each price, V = 0 while it is short; see `MeanReversion._compare`."""

    n: int
    away: Prices64
    spread: Prices64

    def compare(self, bound: Decimal) -> Prices64:
        """Sign of z − bound for each window; 0 where all prices are alike."""
        above, below = bound.as_integer_ratio()
        left = self.away * np.abs(self.away) * ((self.n - 1) * below * below)
        right = self.spread * (above * abs(above) * self.n)
        return np.asarray(np.sign(left - right) * (self.spread > 0), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Turns:
    """For each price the next one at which a flat strategy buys or goes short, and a long or short one leaves."""

    quantity: int
    buys: Sequence[int]
    shorts: Sequence[int]
    rises: Sequence[int]
    falls: Sequence[int]

    def between(self, at: int, end: int, held: int) -> Iterator[tuple[int, int]]:
        """Places and positions wanted of one instrument, whose prices are these."""
        while at < end:
            if held:
                at, held = (self.rises if held > 0 else self.falls)[at], 0
            else:
                at, held = min((self.buys[at], self.quantity), (self.shorts[at], -self.quantity))
            if at < end:
                yield at, held
            at += 1

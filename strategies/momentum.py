"""Momentum: follow a move over the lookback that is larger than the threshold."""

from decimal import Decimal

import numpy as np
from pydantic import Field

from strategies.arrays import MOST, Wishes
from strategies.base import Parameters, Strategy
from strategies.indicators import Window
from strategies.panel import Panel
from strategies.sheet import Sheet
from trading.tick import Tick


class MomentumParameters(Parameters):
    lookback: int = Field(20, ge=1, le=100_000, description="ticks between the two prices compared")
    threshold: Decimal = Field(Decimal("0.01"), ge=0, lt=10, description="fraction the price must move")
    quantity: int = Field(100, ge=1, description="shares wanted")
    allow_short: bool = Field(True, description="go short on a fall, or only flat")


class Momentum(Strategy):
    """m = P[t] / P[t − lookback] − 1; long when m > threshold, short (or flat) when m < −threshold."""

    Parameters = MomentumParameters

    def start(self) -> None:
        self.prices = Window(self.parameters.lookback + 1)

    def on_tick(self, tick: Tick) -> int | None:
        prices, parameters = self.prices, self.parameters
        prices.add(tick.price_e4)
        if not prices.is_full:
            return None
        above, below = parameters.threshold.as_integer_ratio()
        move, band = (prices.last - prices.first) * below, prices.first * above
        if move > band:
            return int(parameters.quantity)
        if move < -band:
            return self._short
        return None

    def on_prices(self, sheet: Sheet, panel: Panel) -> Wishes | None:
        prices, windows, lookback = sheet.prices, panel.windows["prices"], self.parameters.lookback
        above, below = self.parameters.threshold.as_integer_ratio()
        if max(max(sheet.largest, windows.largest) * max(above, below), self.parameters.quantity) > MOST:
            return None
        first = windows.before(sheet, lookback, otherwise=prices)  # its own price is no move
        move = prices - first
        move *= below  # in place: arrays of a long batch drive each other out of the cache, 0.7 ns of 8
        first *= above
        moved = np.flatnonzero(np.abs(move) > first)
        wanted = np.where(move[moved] > 0, self.parameters.quantity, self._short)
        return sheet.edges(moved, wanted, panel.held(sheet))

    @property
    def _short(self) -> int:
        return -int(self.parameters.quantity) if self.parameters.allow_short else 0

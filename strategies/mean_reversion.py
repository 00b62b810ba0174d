"""Mean reversion: trade against a price that is far from its mean, leave when it is back."""

from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

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

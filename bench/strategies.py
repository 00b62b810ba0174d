"""A strategy of the bench's own."""

from pydantic import Field

from strategies.base import Parameters, Strategy
from trading.tick import Tick


class FlipParameters(Parameters):
    every: int = Field(1, ge=1, description="ticks of an instrument between two changes of mind")
    quantity: int = Field(1, ge=1)


class Flip(Strategy):
    """Long, flat, long …: everything signals, all the time."""

    Parameters = FlipParameters

    def start(self) -> None:
        self.ticks = 0

    def on_tick(self, tick: Tick) -> int | None:
        self.ticks += 1
        if self.ticks % self.parameters.every:
            return None
        return 0 if self.target else int(self.parameters.quantity)

"""What all engines share: the rule, the data, and what is reported.

The rule is the product's momentum: with m = P[t] / P[t - lookback] - 1 the wanted position is +quantity when
m > threshold, -quantity when m < -threshold, else as before; an order is for what is missing.
No prices on the grid give m = threshold exactly, so floats and exact numbers agree.
"""

import json
import sys
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

LOOKBACK = 20
THRESHOLD = 0.00151
QUANTITY = 1
RUPEES_CASH = 10_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """`seconds` of the loop alone; `cash` is what the fills paid and got, without charges; positions by instrument."""

    engine: str
    version: str
    ticks: int
    seconds: float
    fills: int
    positions: dict[int, int]
    cash: float


class Ticks:
    """Columns of a file: instrument (from 1), price in 1/10,000 rupee, time in microseconds, volume."""

    def __init__(self, path: Path, most: int, instrument: int | None = None) -> None:
        with np.load(path) as kept:
            rows = slice(None) if instrument is None else kept["instrument"] == instrument
            self.instrument, self.price_e4, self.time, self.volume = (
                kept[name][rows][:most] for name in ("instrument", "price_e4", "time", "volume")
            )
        self.price = self.price_e4 / 10_000

    def __len__(self) -> int:
        return len(self.price)

    @property
    def instruments(self) -> list[int]:
        return [int(number) for number in np.unique(self.instrument)]


class Rule:
    """The rule for one instrument, one price after the other."""

    def __init__(self) -> None:
        self.prices: deque[float] = deque(maxlen=LOOKBACK + 1)
        self.target = 0

    def change(self, price: float) -> int:
        """Signed shares to be ordered now."""
        self.prices.append(price)
        if len(self.prices) <= LOOKBACK:
            return 0
        move = price / self.prices[0] - 1
        if move > THRESHOLD:
            wanted = QUANTITY
        elif move < -THRESHOLD:
            wanted = -QUANTITY
        else:
            return 0
        change, self.target = wanted - self.target, wanted
        return change


def arguments() -> tuple[Path, int]:
    return Path(sys.argv[1]), int(sys.argv[2])


def report(outcome: Outcome) -> None:
    sys.stdout.write(json.dumps(asdict(outcome)) + "\n")


def read_outcome(text: str) -> Outcome:
    """From the last line that an engine printed."""
    kept: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    kept["positions"] = {int(number): held for number, held in kept["positions"].items() if held}
    return Outcome(**kept)

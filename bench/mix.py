"""The strategies of the pipeline's measurements: momentum with another lookback and threshold each."""

from math import sqrt
from typing import Any

from bench.data import STEP
from bench.engines.floor import Momentum
from bench.replay import Wanted

SIGMAS = 3.4  # a threshold of so many deviations of the move: a signal in about 7,500 evaluations
SHORTEST, LOOKBACKS = 10, 41


def lookback(number: int) -> int:
    return SHORTEST + number % LOOKBACKS


def threshold(number: int) -> str:
    return f"{SIGMAS * STEP * sqrt(lookback(number)):.6f}"


def wanted(number: int, instruments: tuple[int, ...] = (), **more: Any) -> Wanted:
    parameters = {"lookback": lookback(number), "threshold": threshold(number), "quantity": 1, **more}
    return Wanted("momentum", parameters, instruments)


def portfolios(strategies: int, each: int, **more: Any) -> list[list[Wanted]]:
    """All strategies, `each` of them in a portfolio, with `more` parameters."""
    return [
        [wanted(number, **more) for number in range(begin, min(begin + each, strategies))]
        for begin in range(0, strategies, each)
    ]


def bare(strategies: int, instruments: int) -> list[Momentum]:
    """The same ones for the bare loop."""
    return [Momentum(n, lookback(n), float(threshold(n)), 1, instruments) for n in range(strategies)]


def wanted_soon(instruments: tuple[int, ...]) -> Wanted:
    """For instruments with a tick a second: a short lookback, a signal in about 300 evaluations."""
    return Wanted("momentum", {"lookback": 5, "threshold": f"{2.4 * STEP * sqrt(5):.6f}", "quantity": 1}, instruments)

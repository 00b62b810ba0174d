"""A market that never closes: geometric Brownian motion with five-level depth, the same for the same seed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from random import Random

from trading.feed.raw import RawTick
from trading.instrument import PRICE_SCALE, Instrument
from trading.session import MINUTE, SECOND
from trading.tick import Depth, Level

LEVELS = 5
_TRADING_SECONDS = 252 * 6.25 * 3600  # of a year, for volatility is quoted by the year
_WAVE = 30 * MINUTE
_GAP_EVERY = 5 * MINUTE
_CRASH_FROM, _CRASH_TO = MINUTE, 6 * MINUTE
# Symbol: price in rupees around the start of 2026, volatility of a year.
_KNOWN = {
    "RELIANCE": (1480.0, 0.24),
    "HDFCBANK": (990.0, 0.20),
    "ICICIBANK": (1360.0, 0.22),
    "SBIN": (970.0, 0.26),
    "TCS": (3220.0, 0.23),
}
_UNKNOWN = (1000.0, 0.25)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Volatility against the usual, drift of a second in waves and in the crash, size of an opening gap."""

    volatility: float = 1.0
    wave_drift: float = 0.0
    crash_drift: float = 0.0
    gap: float = 0.0


SCENARIOS = {
    "calm": Scenario(),
    "trending": Scenario(wave_drift=1e-5),
    "volatile": Scenario(volatility=4.0),
    "crash": Scenario(volatility=3.0, crash_drift=-4e-4),  # about 11 % in five minutes
    "gap": Scenario(gap=0.03),
}


class MockFeed:
    """Yields ticks at even times from `start`, each of an instrument drawn at random."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        seed: int,
        start: int,
        *,
        scenario: str = "calm",
        ticks_per_second: int = 10,
        last_prices: Mapping[str, int] | None = None,
    ) -> None:
        self._random = Random(seed)  # noqa: S311 (a market, not a secret)
        self._scenario = SCENARIOS[scenario]
        self._start = start
        self._rate = ticks_per_second
        self._sent = 0
        known = last_prices or {}
        self._walks = [
            _Walk(instrument, place, start, known.get(instrument.symbol))
            for place, instrument in enumerate(instruments)
        ]

    @property
    def last_prices(self) -> dict[str, int]:
        """By symbol, in 1/10,000 rupee: what a later feed goes on from."""
        return {walk.instrument.symbol: walk.price_e4 for walk in self._walks}

    def ticks(self, until: int) -> Iterator[RawTick]:
        """What is due before `until` and has not been yielded yet."""
        while (time := self._start + self._sent * SECOND // self._rate) < until:
            self._sent += 1
            walk = self._walks[int(self._random.random() * len(self._walks))]
            walk.step(time, self._start, self._scenario, self._random)
            yield _tick(walk, time, self._random)


class _Walk:
    """The unrounded price of one instrument: rounding must not feed back into the walk."""

    def __init__(self, instrument: Instrument, place: int, start: int, last_e4: int | None) -> None:
        price, volatility = _KNOWN.get(instrument.symbol, _UNKNOWN)
        self.instrument = instrument
        self.tick_e4 = int(instrument.tick_size * PRICE_SCALE)
        self._price = last_e4 / PRICE_SCALE if last_e4 else price
        self._volatility = volatility / sqrt(_TRADING_SECONDS)
        self._place = place
        self._time = start

    @property
    def price_e4(self) -> int:
        return max(1, round(self._price * PRICE_SCALE / self.tick_e4)) * self.tick_e4

    def step(self, time: int, start: int, scenario: Scenario, random: Random) -> None:
        seconds = (time - self._time) / SECOND
        deviation = self._volatility * scenario.volatility
        drift = self._drift(time - start, scenario) - deviation * deviation / 2
        jump = self._gap(time - start, start, scenario, random)
        self._price *= exp(drift * seconds + deviation * sqrt(seconds) * random.gauss(0.0, 1.0) + jump)
        self._time = time

    def _drift(self, elapsed: int, scenario: Scenario) -> float:
        direction = 1 if (elapsed // _WAVE + self._place) % 2 == 0 else -1
        is_crashing = _CRASH_FROM <= elapsed < _CRASH_TO
        return direction * scenario.wave_drift + is_crashing * scenario.crash_drift

    def _gap(self, elapsed: int, start: int, scenario: Scenario, random: Random) -> float:
        """A jump up or down at the first tick of every fifth minute."""
        if elapsed // _GAP_EVERY == (self._time - start) // _GAP_EVERY:
            return 0.0
        return scenario.gap if random.random() < 0.5 else -scenario.gap


def _tick(walk: _Walk, time: int, random: Random) -> RawTick:
    price_e4 = walk.price_e4
    shares = 1 + int(random.expovariate(1 / 80))
    return RawTick(walk.instrument.symbol, price_e4, time, shares, depth=_depth(price_e4, walk.tick_e4, random))


def _depth(price_e4: int, tick_e4: int, random: Random) -> Depth:
    """The last trade took the best bid or the best ask, one tick apart."""
    bid_e4 = price_e4 if random.random() < 0.5 else price_e4 - tick_e4
    return Depth(_side(bid_e4, -tick_e4, random), _side(bid_e4 + tick_e4, tick_e4, random))


def _side(best_e4: int, step_e4: int, random: Random) -> tuple[Level, ...]:
    prices = (best_e4 + level * step_e4 for level in range(LEVELS))
    return tuple(Level(price, 25 + int(random.random() * 1500)) for price in prices if price > 0)

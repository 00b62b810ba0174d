"""What a sequencer draws numbered ticks from: a replay's spool or the mock market."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from random import SystemRandom
from threading import Event
from time import time
from typing import Protocol
from uuid import UUID

from alphapanda.connection import connection, key
from trading.feed.conflation import conflated
from trading.feed.mock import MockFeed
from trading.feed.raw import RawTick
from trading.feed.spool import Spool
from trading.instrument import Instrument
from trading.reference import INSTRUMENTS
from trading.session import MINUTE, SECOND
from trading.tick import Tick
from trading.ticks import Ticks
from trading.validation import Validator

PACE_SECONDS = 3_600


class Source(Protocol):
    """`refused` counts by reason what was not taken, `conflated` what went into a later tick."""

    refused: Counter[str]
    conflated: int

    def take(self, first: int, most: int) -> Ticks | None:
        """The next ticks, numbered from `first`; None when there are none right now."""

    def wait(self) -> None:
        """Blocks shortly until there may be more."""

    def close(self) -> None:
        """Lets go of files."""


class ReplaySource:
    """A spool, as fast as possible or at `speed` times the recorded pace (pauses over a minute take 1 s).

    Whoever takes over a paced replay goes on from when its last tick was due, which Redis remembers.
    """

    def __init__(self, path: Path, speed: float, market: UUID) -> None:
        self.refused: Counter[str] = Counter()
        self.conflated = 0
        self.spool = Spool(path)
        self._speed = speed
        self._pace = key("pace", market)
        self._due_at, self._last_time = self._remembered()

    def take(self, first: int, most: int) -> Ticks | None:
        last = min(first + most - 1, len(self.spool))
        if self._speed:
            last = self._due(first, last)
        if first > last:
            return None
        return Ticks.unpacked(self.spool.batch(first, last), first, INSTRUMENTS)

    def wait(self) -> None:
        Event().wait(0.005)

    def close(self) -> None:
        self.spool.close()

    def _due(self, first: int, last: int) -> int:
        """The last tick up to `last` whose time has come."""
        for number in range(first, last + 1):
            moment = self.spool.time_of(number)
            pause = moment - (self._last_time if self._last_time is not None else moment)
            due = self._due_at + (1.0 if pause > MINUTE else pause / SECOND / self._speed)
            if due > time():
                return number - 1
            self._due_at, self._last_time = due, moment
            connection().set(self._pace, f"{due}:{moment}", ex=PACE_SECONDS)
        return last

    def _remembered(self) -> tuple[float, int | None]:
        """When the last tick was due, and its own time."""
        kept = connection().get(self._pace) if self._speed else None
        if not isinstance(kept, bytes):
            return time(), None
        due, _, moment = kept.partition(b":")
        return float(due), int(moment)


class MockSource:
    """The mock market of five instruments; it goes on from the last prices and never closes."""

    def __init__(self, instruments: Iterable[Instrument], scenario: str, last_prices: dict[str, int]) -> None:
        self.refused: Counter[str] = Counter()
        self.conflated = 0
        self._instruments = {i.symbol: i for i in instruments}
        self._validator = Validator()
        seed = SystemRandom().getrandbits(64)
        self._feed = MockFeed(
            list(self._instruments.values()), seed, _now(), scenario=scenario, last_prices=last_prices
        )

    def take(self, first: int, most: int) -> Ticks | None:
        """More than fits is conflated before it gets numbers."""
        due = list(self._feed.ticks(_now()))
        kept = due if len(due) <= most else conflated(due)
        self.conflated += len(due) - len(kept)
        taken = [tick for tick in kept if self._accepts(tick)]
        ticks = [self._tick(first + place, tick) for place, tick in enumerate(taken)]
        return Ticks.of(ticks) if ticks else None

    def wait(self) -> None:
        Event().wait(0.02)

    def close(self) -> None:
        """It holds nothing."""

    def _accepts(self, raw: RawTick) -> bool:
        reason = self._validator.check(self._instruments[str(raw.name)], raw.price_e4, raw.time, _now())
        if reason:
            self.refused[reason] += 1
        return reason is None

    def _tick(self, number: int, raw: RawTick) -> Tick:
        instrument = self._instruments[str(raw.name)]
        return Tick(number, instrument, raw.price_e4, raw.time, raw.volume, _now(), raw.depth)


def _now() -> int:
    return int(time() * SECOND)

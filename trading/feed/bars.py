"""Minute bars, and the four ticks that stand for each."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import attrgetter

import msgspec

from trading.feed.raw import RawTick
from trading.session import SECOND

_time = attrgetter("time")


class Bar(msgspec.Struct, frozen=True, gc=False):
    """Prices in 1/10,000 rupee; `time` is its start."""

    name: str | int
    time: int
    open_e4: int
    high_e4: int
    low_e4: int
    close_e4: int
    volume: int
    file: str
    line: int

    def has_same_values(self, other: "Bar") -> bool:
        return self.values == other.values

    @property
    def values(self) -> tuple[int, ...]:
        """All that the line says, without its place."""
        return self.time, self.open_e4, self.high_e4, self.low_e4, self.close_e4, self.volume

    @property
    def is_consistent(self) -> bool:
        lowest, highest = sorted((self.open_e4, self.close_e4))
        return self.low_e4 <= lowest and highest <= self.high_e4


def ticks_of(bar: Bar) -> tuple[RawTick, RawTick, RawTick, RawTick]:
    """Open, low, high, close; a falling bar is taken to have made its high first."""
    falling = bar.close_e4 < bar.open_e4
    second, third = (bar.high_e4, bar.low_e4) if falling else (bar.low_e4, bar.high_e4)
    return (
        _tick(bar, bar.open_e4, 0, 0),
        _tick(bar, second, 15, 0),
        _tick(bar, third, 30, 0),
        _tick(bar, bar.close_e4, 45, bar.volume),
    )


def _tick(bar: Bar, price_e4: int, second: int, volume: int) -> RawTick:
    time = bar.time + second * SECOND
    return RawTick(bar.name, price_e4, time, volume, None, None, bar.file, bar.line)


def as_ticks(bars: Iterable[Bar]) -> Iterator[RawTick]:
    """Ticks of bars in order of start, in time order: bars of one minute interleave, ties in line order."""
    waiting: list[RawTick] = []
    start = 0
    for bar in bars:
        if bar.time > start:
            waiting.sort(key=_time)
            due = bisect_right(waiting, bar.time, key=_time)
            yield from waiting[:due]
            del waiting[:due]
            start = bar.time
        waiting.extend(ticks_of(bar))
    yield from sorted(waiting, key=_time)

"""Conflation: when a live feed cannot be kept up with, only the last price of each instrument goes on."""

from collections.abc import Sequence

import msgspec

from trading.feed.raw import RawTick


def conflated(ticks: Sequence[RawTick]) -> list[RawTick]:
    """The last tick of each instrument, in order; its volume is what traded since the one before."""
    latest: dict[str | int, RawTick] = {}
    for tick in ticks:
        before = latest.pop(tick.name, None)
        latest[tick.name] = msgspec.structs.replace(tick, volume=tick.volume + before.volume) if before else tick
    return list(latest.values())

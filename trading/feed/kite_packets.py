"""Kite's binary frames of full packets → wide records of the log: a frame at a time, without an object for a tick.

A frame is a count (int16) and for each packet its length (int16) and body, all big-endian. A full packet has 184
bytes and five levels a side; prices are in paise (exchanges with other scales are not known here).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trading.packing import LEVELS, WIDE

FULL = 184
PAISE_E4 = 100
SECOND = 1_000_000
_LEVEL = np.dtype([("quantity", ">i4"), ("price", ">i4"), ("orders", ">u2"), ("", "V2")])
_NAMES = ("token", "last", "last_quantity", "average", "total", "buying", "selling", "open", "high", "low", "close")
_TIMES = ("last_trade_time", "oi", "oi_high", "oi_low", "time")
PACKET = np.dtype([("length", ">i2"), *((name, ">i4") for name in (*_NAMES, *_TIMES)), ("depth", _LEVEL, 2 * LEVELS)])
RECORD = np.dtype(
    [
        *[("instrument", "<u4"), ("price_e4", "<i8"), ("time", "<i8"), ("volume", "<i8"), ("arrival", "<i8")],
        *[("has_book", "u1"), ("book", "<i8", (2 * LEVELS, 2))],
    ]
)
assert (PACKET.itemsize, RECORD.itemsize) == (FULL + 2, WIDE.size)


def packets(frame: bytes) -> NDArray[np.void]:
    """Errors: ValueError for anything but whole full packets; the one-byte heartbeat has none."""
    if len(frame) == 1:
        return np.empty(0, PACKET)
    count = int.from_bytes(frame[:2], "big")
    if len(frame) != 2 + count * PACKET.itemsize:
        raise ValueError(f"a frame of {len(frame)} bytes does not hold {count} full packets")
    rows = np.frombuffer(frame, PACKET, count, 2)
    if not (rows["length"] == FULL).all():
        raise ValueError(f"a frame with packets of {sorted(set(rows['length'].tolist()))} bytes")
    return rows


class Decoder:
    """`instruments` are our numbers by Kite's token. Remembers totals: a tick's volume is what came on top."""

    def __init__(self, instruments: Mapping[int, int]) -> None:
        self._tokens = np.array(sorted(instruments), np.int64)
        self._numbers = np.array([instruments[token] for token in sorted(instruments)], np.uint32)
        self._totals = np.full(len(instruments), -1, np.int64)

    def records(self, frame: bytes, arrival: int) -> bytes:
        """Of the packets in their order, `arrival` in microseconds. Errors: ValueError, also for a strange token."""
        rows = packets(frame)
        places = self._places(rows["token"])
        made = np.zeros(len(rows), RECORD)
        made["instrument"], made["price_e4"] = self._numbers[places], rows["last"].astype(np.int64) * PAISE_E4
        made["time"], made["arrival"] = rows["time"].astype(np.int64) * SECOND, arrival
        made["volume"] = self._volumes(places, rows["total"].astype(np.int64))
        made["has_book"] = 1
        made["book"][:, :, 0] = rows["depth"]["price"].astype(np.int64) * PAISE_E4
        made["book"][:, :, 1] = rows["depth"]["quantity"]
        return made.tobytes()

    def _places(self, tokens: NDArray[np.int32]) -> NDArray[np.intp]:
        places = np.searchsorted(self._tokens, tokens).clip(max=len(self._tokens) - 1)
        strange = tokens[self._tokens[places] != tokens]
        if len(strange):
            raise ValueError(f"token {strange[0]} was not subscribed")
        return places

    def _volumes(self, places: NDArray[np.intp], totals: NDArray[np.int64]) -> NDArray[np.int64]:
        """An instrument's first total says nothing of its last tick; a total that falls has begun anew."""
        order = np.argsort(places, kind="stable")
        held, sorted_totals = places[order], totals[order]
        before = self._totals[held]
        again = np.flatnonzero(held[1:] == held[:-1]) + 1
        before[again] = sorted_totals[again - 1]
        self._totals[held] = sorted_totals
        volumes = np.empty_like(totals)
        volumes[order] = np.where(before < 0, 0, sorted_totals - np.where(sorted_totals < before, 0, before))
        return volumes

"""Full packets as Kite would send them: every instrument about once in the time that all of them take."""

from __future__ import annotations

import struct
from collections import Counter
from math import ceil
from threading import Event
from time import time

import numpy as np

from bench.data import STEP
from trading.feed.kite_packets import FULL, PACKET, Decoder
from trading.reference import INSTRUMENTS
from trading.session import SECOND
from trading.ticks import Ticks

FRAME_SECONDS = 0.005
PAISE = 5
LEVELS = np.arange(1, 6) * PAISE
DEEP = 10_000  # shares at each level: an order fills whole


class FirehoseSource:
    """At `rate` ticks a second; `arrivals` has the last number and the arrival (microseconds) of every batch.

    What the wall clock says is due and was not taken by the end is lost.
    """

    def __init__(self, numbers: range, rate: float) -> None:
        self.refused: Counter[str] = Counter()
        self.conflated = 0
        self.arrivals: list[tuple[int, int]] = []
        self.rate = rate
        self._random = np.random.default_rng(11)
        self._decoder = Decoder({number: number for number in numbers})
        self._round = np.zeros(len(numbers), PACKET)
        self._round["length"], self._round["token"] = FULL, self._random.permutation(numbers)
        self._round["depth"]["quantity"] = DEEP
        self._prices = np.linspace(500, 2_500, len(numbers))
        self._place = len(numbers)
        self.begin(rate)

    def begin(self, rate: float) -> None:
        """Another rate from now on."""
        self.rate, self.sent, self._begun = rate, 0, time()

    def due(self) -> int:
        return int((time() - self._begun) * self.rate) - self.sent

    def take(self, first: int, most: int) -> Ticks | None:
        if (due := self.due()) < self.rate * FRAME_SECONDS:
            return None
        frame = self._frame(min(due, most))
        arrival = int(time() * SECOND)
        records = self._decoder.records(frame, arrival)
        batch = Ticks(memoryview(records), first, INSTRUMENTS, is_wide=True)
        self.sent += len(batch)
        self.arrivals.append((batch.last, arrival))
        return batch

    def wait(self) -> None:
        """Until the next frame is due: asking for it each millisecond took a part of a processor."""
        due = (self.sent + max(1, ceil(self.rate * FRAME_SECONDS))) / self.rate - (time() - self._begun)
        Event().wait(min(FRAME_SECONDS, max(FRAME_SECONDS / 10, due)))

    def close(self) -> None:
        """It holds nothing."""

    def _frame(self, count: int) -> bytes:
        """The next packets, at most the rest of the round."""
        if self._place == len(self._round):
            self._next_round()
        rows = self._round[self._place : self._place + count]
        self._place += len(rows)
        return struct.pack(">h", len(rows)) + rows.tobytes()

    def _next_round(self) -> None:
        """A new price for everybody."""
        self._place = 0
        self._prices *= np.exp(self._random.normal(0, STEP, len(self._prices)))
        paise = (np.rint(self._prices * 100 / PAISE) * PAISE).astype(np.int64)
        rows = self._round
        rows["last"], rows["time"] = paise, int(time())
        rows["total"] += self._random.integers(1, 100, len(rows))
        rows["depth"]["price"][:, :5] = paise[:, None] - LEVELS
        rows["depth"]["price"][:, 5:] = paise[:, None] + LEVELS

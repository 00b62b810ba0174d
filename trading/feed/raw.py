"""What a feed yields before the log numbers it, and what it says about a line that it refuses."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from trading.tick import Depth


class RawTick(msgspec.Struct, frozen=True, gc=False):
    """`name` is a symbol, or the broker's token where the feed knows only that; times as in Tick."""

    name: str | int
    price_e4: int
    time: int
    volume: int = 0
    arrival: int | None = None
    depth: Depth | None = None
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """One line of a file that was not taken, and why."""

    file: str
    line: int
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}: {self.message}"


Report = Callable[[Refusal], None]


class LineError(ValueError):
    """A line cannot be used; the reader of its file reports it and goes on."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

"""Which strategy was running when its worker died: a note in a small mapped file outlives the process.

A suspect is run alone once; if the worker dies again at the same tick, it is quarantined.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alphapanda.alive import is_alive

_NOTE = struct.Struct("<qq?")
_SIZE = 4_096  # a page; what is written to it survives the process, not the machine
_NOTHING = bytes(_NOTE.size)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A strategy (by id), the tick it was given, and whether it ran alone then."""

    strategy: int
    tick: int
    was_alone: bool


def died_twice(suspect: Suspect) -> str:
    return f"its worker died twice while it looked at tick {suspect.tick} (hung, crashed or out of memory)"


class Notebook:
    """The note of one process about one shard."""

    def __init__(self, folder: Path, shard: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{shard}.{os.getpid()}"
        with self._path.open("wb") as file:
            file.truncate(_SIZE)
        with self._path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), _SIZE)

    def note(self, strategy: int, tick: int, is_alone: bool = False) -> None:
        """Call it right before a strategy's code runs."""
        _NOTE.pack_into(self._page, 0, strategy, tick, is_alone)

    def note_alone(self, strategy: int, tick: int) -> None:
        self.note(strategy, tick, is_alone=True)

    def clear(self) -> None:
        """No strategy's code is running."""
        self._page[: _NOTE.size] = _NOTHING

    def close(self) -> None:
        self._page.close()
        self._path.unlink(missing_ok=True)


def left_behind(folder: Path, shard: str) -> list[Suspect]:
    """Suspects of this process and of those that died; a frozen process keeps its own note."""
    return [suspect for path in sorted(folder.glob(f"{shard}.*")) for suspect in _taken(path)]


def _taken(path: Path) -> Iterator[Suspect]:
    pid = int(path.suffix[1:])
    if pid != os.getpid() and is_alive(pid):
        return
    data = path.read_bytes()[: _NOTE.size]
    path.unlink(missing_ok=True)
    if len(data) == _NOTE.size and data != _NOTHING:
        yield Suspect(*_NOTE.unpack(data))

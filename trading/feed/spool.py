"""A replay's accepted ticks in one file of equal records, so that tick n is at a known place."""

import os
import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from alphapanda.errors import InputError
from trading.packing import PLAIN, TIME_OFFSET, WIDE, as_batch, records, widened
from trading.tick import Tick

_MAGIC = b"APSPOOL1"
_HEADER = struct.Struct("<8sBIq")  # magic, is wide, bytes of a record, number of records
_TIME = struct.Struct("<q")
_CHUNK = 4096


def write_spool(path: Path, ticks: Iterable[Tick]) -> int:
    """Number of ticks written; the file has its name only once it is complete."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w+b") as file:
            written = _write(file, ticks)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return written


def _write(file: BinaryIO, ticks: Iterable[Tick]) -> int:
    is_wide, written = False, 0
    file.seek(_HEADER.size)
    for chunk in _chunks(ticks):
        if not is_wide and any(tick.depth is not None for tick in chunk):
            is_wide = True
            _widen(file, written)
        file.write(records(chunk, is_wide=is_wide))
        written += len(chunk)
    file.seek(0)
    file.write(_HEADER.pack(_MAGIC, is_wide, _record_size(is_wide=is_wide), written))
    return written


def _chunks(ticks: Iterable[Tick]) -> Iterator[list[Tick]]:
    source = iter(ticks)
    while chunk := list(islice(source, _CHUNK)):
        yield chunk


def _widen(file: BinaryIO, written: int) -> None:
    """Rewrites the plain records from the last to the first, for each wide one ends behind its plain one."""
    for start in reversed(range(0, written, _CHUNK)):
        file.seek(_HEADER.size + start * PLAIN.size)
        wide = widened(file.read(min(_CHUNK, written - start) * PLAIN.size))
        file.seek(_HEADER.size + start * WIDE.size)
        file.write(wide)
    file.seek(_HEADER.size + written * WIDE.size)


def _record_size(*, is_wide: bool) -> int:
    return WIDE.size if is_wide else PLAIN.size


class Spool:
    """Reads a finished spool; ticks are numbered from 1. Raises InputError where it is missing or damaged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise InputError(f"spool {path} cannot be opened: {error.strerror}; start the replay again") from error
        try:
            self._is_wide, self._record, self._count = self._header()
        except InputError:
            self._file.close()
            raise

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def batch(self, first: int, last: int) -> bytes:
        """Ticks `first` to `last`, both included and cut to what there is, packed as the log takes them."""
        first, last = max(first, 1), min(last, self._count)
        data = self._read((first - 1) * self._record, max(0, last - first + 1) * self._record)
        return as_batch(data, is_wide=self._is_wide)

    def time_of(self, number: int) -> int:
        """Exchange time of a tick, in microseconds since the epoch."""
        if not 1 <= number <= self._count:
            raise InputError(f"spool {self._path} has {self._count} ticks and no tick {number}")
        (time,) = _TIME.unpack(self._read((number - 1) * self._record + TIME_OFFSET, _TIME.size))
        return int(time)

    def close(self) -> None:
        self._file.close()

    def _header(self) -> tuple[bool, int, int]:
        data = self._file.read(_HEADER.size)
        if len(data) < _HEADER.size or not data.startswith(_MAGIC):
            raise InputError(f"{self._path} is not a spool of this version; start the replay again")
        _, is_wide, record, count = _HEADER.unpack(data)
        size = os.fstat(self._file.fileno()).st_size
        if record != _record_size(is_wide=is_wide) or size != _HEADER.size + count * record:
            raise InputError(f"spool {self._path} is cut short or damaged; start the replay again")
        return bool(is_wide), record, count

    def _read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._file.fileno(), size, _HEADER.size + offset)
        if len(data) != size:
            raise InputError(f"spool {self._path} was cut short; start the replay again")
        return data

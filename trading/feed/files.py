"""Recorded market data: CSV files of ticks or minute bars, and folders of day files, merged by time."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from pathlib import Path
from typing import TypeVar

from alphapanda.errors import InputError
from trading.feed.bars import as_ticks
from trading.feed.columns import Columns, understood
from trading.feed.lines import BarLines, TickLines
from trading.feed.raw import LineError, RawTick, Refusal, Report
from trading.feed.source import fields_of, numbered_lines

_ENDINGS = (".csv", ".csv.gz")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file whose header is understood."""

    path: Path
    symbol: str
    columns: Columns

    def ticks(self, report: Report) -> Iterator[RawTick]:
        """In time order, ties in line order; each refused line goes to `report`."""
        if self.columns.are_bars:
            return as_ticks(self._accepted(BarLines(self.columns, str(self.path), self.symbol).read, report))
        return self._accepted(TickLines(self.columns, str(self.path), self.symbol).read, report)

    def first_time(self) -> int | None:
        """Time of its first good tick; None without any."""
        first = next(self.ticks(_ignore), None)
        return None if first is None else first.time

    def _accepted(self, read: Callable[[list[str], int], _T], report: Report) -> Iterator[_T]:
        file, width = str(self.path), self.columns.width
        lines = numbered_lines(self.path)
        next(lines, None)  # the header
        for number, line in lines:
            try:
                fields = fields_of(line)
                if len(fields) < width:
                    raise LineError("bad_line", f"{len(fields)} columns where {width} are needed")
                accepted = read(fields, number)
            except LineError as error:
                report(Refusal(file, number, error.reason, str(error)))
            else:
                yield accepted


def data_file(path: Path, symbol: str | None = None) -> DataFile:
    """Raises InputError where the file cannot be used at all; without a symbol its name is the symbol."""
    _, header = next(numbered_lines(path), (0, None))
    if header is None:
        raise InputError(f"{path}: empty: the first line must name the columns")
    try:
        columns = understood(fields_of(header), str(path))
    except LineError as error:
        raise InputError(f"{path}: the header cannot be read: {error}") from error
    return DataFile(path, symbol or _symbol_of(path), columns)


def data_files(paths: Sequence[Path]) -> list[DataFile]:
    """In the order given; the files of a folder bear its name and stand in the order of their dates."""
    return [file for path in paths for file in (_folder(path) if path.is_dir() else [data_file(path)])]


def merged(paths: Sequence[Path], report: Report) -> Iterator[RawTick]:
    """By time, ties in the order of paths, then of lines; unusable files raise before the first tick."""
    files = data_files(paths)
    return files[0].ticks(report) if len(files) == 1 else _merged(files, report)


def _merged(files: Sequence[DataFile], report: Report) -> Iterator[RawTick]:
    """Opens a file when its first time has come: a year of day files is not 250 open files."""
    waiting = _by_first_time(files)
    reading: list[tuple[int, int, RawTick, Iterator[RawTick]]] = []
    while waiting or reading:
        if waiting and (not reading or waiting[0][0] <= reading[0][0]):
            _, place, file = waiting.popleft()
            ticks = file.ticks(report)
            for tick in ticks:
                heappush(reading, (tick.time, place, tick, ticks))
                break
            continue
        _, place, tick, ticks = reading[0]
        yield tick
        following = next(ticks, None)
        if following is None:
            heappop(reading)
        else:
            heapreplace(reading, (following.time, place, following, ticks))


def _by_first_time(files: Sequence[DataFile]) -> deque[tuple[int, int, DataFile]]:
    """With the place of each file; a file without any good line comes first, to be reported."""
    starts = [(file.first_time() or 0, place, file) for place, file in enumerate(files)]
    return deque(sorted(starts, key=lambda start: start[:2]))


def _folder(path: Path) -> list[DataFile]:
    symbol = path.absolute().name
    files = [data_file(file, symbol) for file in sorted(path.iterdir()) if _is_data(file)]
    if not files:
        raise InputError(f"{path}: no .csv or .csv.gz file in this folder")
    return [file for _, _, file in _by_first_time(files)]


def _is_data(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(_ENDINGS) and not path.name.startswith(".")


def _symbol_of(path: Path) -> str:
    """The file's name without its endings; a dot may be part of a symbol."""
    return path.name.removesuffix(".gz").removesuffix(".csv")


def _ignore(_refusal: Refusal) -> None:
    """First times are looked up before the lines are read for good, which reports."""

"""The text of a data file: plain or gzip, UTF-8 with or without a byte order mark, any line ends."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, TextIOWrapper
from pathlib import Path

from alphapanda.errors import InputError
from trading.feed.raw import LineError

_GZIP = b"\x1f\x8b"
_SNIFFED = 4096


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their number; raises InputError where the file cannot be read."""
    with _read_errors(path):
        refuse_binary(path)
        with _opened(path) as text:
            for number, line in enumerate(text, 1):
                if not line.isspace():
                    yield number, line


def refuse_binary(path: Path) -> None:
    with _binary(path) as data:
        if b"\0" in data.read(_SNIFFED):
            raise InputError(f"{path}: not text: a data file is CSV in UTF-8, plain or gzip")


def fields_of(line: str) -> list[str]:
    """Each line on its own, so that a stray quote cannot swallow the lines behind it."""
    if '"' not in line:
        return line.rstrip("\n").split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise LineError("bad_line", f"the quotes do not match: {error}") from error


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as data:
        return data.read(len(_GZIP)) == _GZIP


def _binary(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path) if _is_gzip(path) else path.open("rb")


def _opened(path: Path) -> TextIOWrapper:
    # A damaged character spoils its own line at most, so it is replaced and not an error.
    return TextIOWrapper(_binary(path), encoding="utf-8-sig", errors="replace")


@contextmanager
def _read_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: the gzip data is damaged or cut short") from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error

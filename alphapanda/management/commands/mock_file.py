"""Writes ticks of the mock market as CSV, the same bytes for the same arguments."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alphapanda.errors import InputError
from alphapanda.reference import load_instruments
from trading.feed.mock import SCENARIOS, MockFeed
from trading.feed.raw import LineError, RawTick
from trading.feed.tick_file import csv_lines
from trading.feed.timestamps import TimestampReader
from trading.session import MINUTE

_FOREVER = 2**62
_OPENING = "2026-01-05T09:15:00+05:30"


class Command(BaseCommand):
    help = "Write ticks of the mock market as CSV: the same bytes for the same arguments."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, required=True)
        length = parser.add_mutually_exclusive_group()
        length.add_argument("--ticks", type=int, default=10_000, help="how many ticks (default 10000)")
        length.add_argument("--minutes", type=int, help="how many minutes of the market")
        parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="calm")
        parser.add_argument("--start", default=_OPENING, help="time of the first tick")
        parser.add_argument("--ticks-per-second", type=int, default=10)
        parser.add_argument("--out", type=Path, help="file to write (default: standard output)")

    def handle(self, *_args: object, **options: Any) -> None:
        try:
            lines = csv_lines(_ticks(options))
            if options["out"] is None:
                self._print(lines)
            else:
                _write(options["out"], lines)
        except InputError as error:
            raise CommandError(str(error)) from error

    def _print(self, lines: Iterable[str]) -> None:
        try:
            for line in lines:
                self.stdout.write(line, ending="")
            self.stdout.flush()
        except BrokenPipeError:  # the reader, such as `head`, has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _ticks(options: dict[str, Any]) -> Iterator[RawTick]:
    start, rate = _start(options["start"]), options["ticks_per_second"]
    if rate < 1:
        raise InputError(f"--ticks-per-second {rate}: at least 1 is needed")
    if options["ticks"] < 0 or (options["minutes"] or 0) < 0:
        raise InputError("--ticks and --minutes: at least 0 is needed")
    feed = MockFeed(load_instruments(), options["seed"], start, scenario=options["scenario"], ticks_per_second=rate)
    if options["minutes"] is not None:
        return feed.ticks(start + options["minutes"] * MINUTE)
    return islice(feed.ticks(_FOREVER), options["ticks"])


def _start(text: str) -> int:
    try:
        return TimestampReader().read(text)
    except LineError as error:
        raise InputError(f"--start: {error}; write it like {_OPENING}") from error


def _write(path: Path, lines: Iterable[str]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
    except OSError as error:
        raise InputError(f"--out {path}: cannot be written: {error.strerror}") from error

"""Recorded files → the numbered ticks of a market: one path for backtest and replay."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from trading.catalogue import Catalogue
from trading.feed.files import merged
from trading.feed.raw import RawTick, Refusal
from trading.instrument import from_e4
from trading.tick import Tick
from trading.validation import Validator

FIRST_LINES = 5


class Refusals:
    """How many lines were refused for each reason, and the first few of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: defaultdict[str, list[Refusal]] = defaultdict(list)

    def __call__(self, refusal: Refusal) -> None:
        self.counts[refusal.reason] += 1
        if len(self.first[refusal.reason]) < FIRST_LINES:
            self.first[refusal.reason].append(refusal)


def accepted_ticks(
    paths: Sequence[Path], catalogue: Catalogue, tick_size: Decimal, refusals: Refusals
) -> Iterator[Tick]:
    """Numbered from 1; unusable files raise InputError at once, unknown instruments join the catalogue."""
    return _numbered(merged(paths, refusals), catalogue, tick_size, refusals)


def _numbered(
    raw_ticks: Iterator[RawTick], catalogue: Catalogue, tick_size: Decimal, refusals: Refusals
) -> Iterator[Tick]:
    validator = Validator()
    number = 0
    for raw in raw_ticks:
        instrument = catalogue.lookup(raw.name) or catalogue.add_unknown(raw.name, tick_size)
        reason = validator.check(instrument, raw.price_e4, raw.time)
        if reason is not None:
            refusals(_refusal(raw, reason))
            continue
        number += 1
        yield Tick(number, instrument, raw.price_e4, raw.time, raw.volume, raw.arrival, raw.depth)


def _refusal(raw: RawTick, reason: str) -> Refusal:
    return Refusal(raw.file, raw.line, reason, f"{raw.name} at {from_e4(raw.price_e4)}")

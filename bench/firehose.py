"""firehose, tick_to_fill: all that Kite can send one account, with strategies on every instrument of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench import mix, tick_to_fill
from bench.house import house
from bench.live import Passed, Phase, run_live
from bench.replay import Wanted
from bench.report import Row, less_is_better, more_is_better, percentile
from bench.size import Size

RATE = 9_000.0
INSTRUMENTS, STRATEGIES, EACH, LOOKS_AT = 9_000, 200, 10, 45
SHARDS = 2
AIM_MS, MOST_MS = 50, 250
FASTER = (18_000.0, 27_000.0, 36_000.0, 54_000.0, 72_000.0)


def run(size: Size, folder: Path) -> Iterator[Row]:
    """Both names: they share a house, and the phase at half load is one of the firehose's."""
    with house(SHARDS) as place:
        calm, chains = tick_to_fill.unloaded(place, SHARDS, size)
        yield from tick_to_fill.rows("unloaded", calm, chains)
        whole, half, *faster = run_live(place, SHARDS, "firehose", INSTRUMENTS, portfolios(), *_phases(size))
    yield from _rows(whole, faster)
    yield from tick_to_fill.rows("at half load", half, chains)


def _phases(size: Size) -> list[Phase]:
    faster = FASTER[:: size.firehose_stride]
    return [
        Phase(RATE, size.warm_seconds),
        Phase(RATE, size.firehose_seconds),
        Phase(RATE / 2, size.half_seconds),
        *(Phase(rate, size.firehose_step_seconds) for rate in faster),
    ]


def _rows(whole: Passed, faster: list[Passed]) -> Iterator[Row]:
    about = _conditions(whole)
    yield less_is_better("firehose", whole.lost, "ticks lost", "the aim", 0, about)
    about = (
        f"{about}; {len(whole.signals):,} signals, p50 {percentile(whole.signals, 0.5):.0f} ms, "
        "from the frame's arrival to the event after the signal's commit"
    )
    yield less_is_better("firehose", slowest(whole), "ms tick to signal, p99", "the aim", AIM_MS, about)
    steps = ", ".join(map(_told, faster))
    text = f"{about}; the highest rate tried without loss and with p99 of at most {MOST_MS} ms; {steps}"
    unit = f"ticks/s with p99 <= {MOST_MS} ms"
    yield more_is_better("firehose", _best([whole, *faster]), unit, "all that Kite sends", RATE, text)


def portfolios() -> list[list[Wanted]]:
    """Each instrument is looked at by one strategy."""
    begins = range(1, INSTRUMENTS + 1, LOOKS_AT)
    wanted = [mix.wanted_soon(tuple(range(begin, begin + LOOKS_AT))) for begin in begins]
    return [wanted[begin : begin + EACH] for begin in range(0, len(wanted), EACH)]


def slowest(passed: Passed) -> float:
    return percentile(passed.signals, 0.99)


def _told(one: Passed) -> str:
    delay = f"p99 {slowest(one):,.0f} ms" if one.signals else "no signal"
    return f"{one.rate:,.0f}/s: {delay}, {one.lost:,} lost"


def _best(passed: list[Passed]) -> float:
    """The highest rate before the first that was too much."""
    best = 0.0
    for one in passed:
        if one.lost or not one.signals or slowest(one) > MOST_MS:
            return best
        best = one.rate
    return best


def _conditions(whole: Passed) -> str:
    return (
        f"{whole.ticks:,} full packets of 184 bytes at {whole.rate:,.0f}/s in frames of 5 ms, decoded and appended by "
        f"a process of the bench in the place of ingest (no socket); {STRATEGIES} momentum strategies on {LOOKS_AT} of "
        f"{INSTRUMENTS:,} instruments each, {EACH} a portfolio, {SHARDS} shards, no limit of trades a day"
    )

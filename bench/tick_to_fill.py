"""tick_to_fill: (tick → order committed) + (filling tick → fill committed), unloaded and at half of all Kite sends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench import firehose, naive
from bench.house import house
from bench.live import Passed, Phase, run_live
from bench.replay import Wanted
from bench.report import Row, less_is_better, percentile
from bench.size import Size

SHARDS = 2
FEW, EVERY, SLOWLY = 5, 5, 50.0
HALF = firehose.INSTRUMENTS // 2
AIMS = {0.5: 15, 0.99: 60}


def run(size: Size, folder: Path) -> Iterator[Row]:
    flip = [[Wanted("flip", {"every": EVERY}, (1,))]]
    with house(SHARDS) as place:
        (calm,) = run_live(place, SHARDS, "calm", FEW, flip, Phase(SLOWLY, size.calm_seconds))
        others = naive.delays(place, len(calm.fills))
        half = Phase(firehose.RATE / 2, size.half_seconds)
        (busy,) = run_live(place, SHARDS, "busy", HALF, firehose.portfolios(HALF), half)
    for name, passed in (("unloaded", calm), ("at half load", busy)):
        for part, aim in AIMS.items():
            yield _row(name, passed, others, part, aim)


def _row(name: str, passed: Passed, others: list[float], part: float, aim: int) -> Row:
    text = (
        f"{name}: {passed.rate:,.0f} ticks/s, {len(passed.fills):,} fills, {SHARDS} shards, durable commits, from the "
        f"arrival of the frame to the event after the commit; the aim is {aim} ms; the other: {len(others):,} chains "
        "of four tasks, unloaded, one after the other, prefork with two children, that write the same rows with save() "
        "and fill at once"
    )
    unit = f"ms {name}, p{part * 100:.0f}"
    ours, other = percentile(passed.fills, part), percentile(others, part)
    return less_is_better("tick_to_fill", ours, unit, "naive Celery chain with the same ledger", other, text)

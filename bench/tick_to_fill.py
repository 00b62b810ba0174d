"""tick_to_fill: (tick → order committed) + (filling tick → fill committed), beside the naive way."""

from __future__ import annotations

from collections.abc import Iterator

from bench import naive
from bench.house import House
from bench.live import Passed, Phase, run_live
from bench.replay import Wanted
from bench.report import Row, less_is_better, percentile
from bench.size import Size

INSTRUMENTS, EVERY, RATE = 5, 5, 50.0  # one strategy trades twice a second
AIMS = {0.5: 15, 0.99: 60}


def unloaded(place: House, shards: int, size: Size) -> tuple[Passed, list[float]]:
    """And the delays of as many naive chains."""
    flip = [[Wanted("flip", {"every": EVERY}, (1,))]]
    phases = Phase(RATE, size.warm_seconds), Phase(RATE, size.calm_seconds)
    (calm,) = run_live(place, shards, "calm", INSTRUMENTS, flip, *phases)
    return calm, naive.delays(place, len(calm.fills))


def rows(name: str, passed: Passed, chains: list[float]) -> Iterator[Row]:
    for part, aim in AIMS.items():
        text = (
            f"{name}: {passed.rate:,.0f} ticks/s, {len(passed.fills):,} fills, durable commits, from the append (of "
            "the tick, and of the filling tick) to the event after the commit; from the arrival of the frame, with "
            f"decoding and appending, it is {percentile(passed.since_arrival, part):.1f} ms; the aim is {aim} ms; the "
            f"other: {len(chains):,} chains of four tasks, unloaded, one after the other, prefork with two children, "
            "that write the same rows with save() and fill at once"
        )
        unit, against = f"ms {name}, p{part * 100:.0f}", "naive Celery chain with the same ledger"
        yield less_is_better(
            "tick_to_fill", percentile(passed.fills, part), unit, against, percentile(chains, part), text
        )

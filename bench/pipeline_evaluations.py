"""pipeline_evaluations, pipeline_floor: tick-strategy evaluations a second through all stages into the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from platform import python_version

import numpy as np
from numpy.typing import NDArray

from bench import mix
from bench.data import save, walk
from bench.engines.common import Ticks
from bench.engines.floor import Account, loop
from bench.house import House, house
from bench.queue_peers import QUEUES, Queue, Shot, redis_server, shoot
from bench.replay import Flow, Replay
from bench.report import Row, middle, more_is_better
from bench.size import Size

INSTRUMENTS = 10
SHARDS = 2
EACH = 10  # strategies of a portfolio
CORES = 2
FLOOR_PART = 20  # the bare loop gets this part of the ticks


def run(size: Size, folder: Path) -> Iterator[Row]:
    rows = walk(size.replay_ticks, INSTRUMENTS)
    ticks = Ticks(save(rows, folder / "ticks.npz"), size.replay_ticks // FLOOR_PART)
    flows, floors = [], []
    shots: dict[Queue, list[Shot]] = {queue: [] for queue in QUEUES}
    with redis_server() as redis_url:
        for _ in range(size.rounds):
            with house(SHARDS) as place:
                flows.append(replayed(rows, size.strategies, place))
            floors.append(floor_rate(ticks, size.strategies))
            for queue, taken in shots.items():
                taken.append(shoot(queue, size.pipelines, redis_url, folder))
    ours, about = middle(rate(flow, size.strategies) for flow in flows), conditions(size, flows)
    for queue, taken in shots.items():
        yield _row(queue, ours, taken, about)
    text = f"{about}; ours per core, the loop on 1/{FLOOR_PART} of the ticks, alternating"
    unit, against = "evaluations/s a core", f"bare Python {python_version()} loop"
    yield more_is_better("pipeline_floor", ours / CORES, unit, against, middle(floors), text)


def replayed(rows: NDArray[np.void], strategies: int, place: House) -> Flow:
    replay = Replay(rows, mix.portfolios(strategies, EACH))
    replay.prepare(place, SHARDS)
    return replay.run(place)


def rate(flow: Flow, strategies: int) -> float:
    return flow.ticks * strategies / flow.seconds


def floor_rate(ticks: Ticks, strategies: int) -> float:
    """Evaluations a second of the bare loop on one core."""
    seconds = loop(ticks, mix.bare(strategies, INSTRUMENTS), Account(INSTRUMENTS))
    return len(ticks) * strategies / seconds


def conditions(size: Size, flows: list[Flow]) -> str:
    per_signal = middle(flow.ticks * size.strategies / max(1, flow.signals) for flow in flows)
    return (
        f"replay of {size.replay_ticks:,} ticks of {INSTRUMENTS} instruments; {size.strategies} momentum strategies, "
        f"{EACH} a portfolio, look at all of them; {SHARDS} shards, {CORES} cores with PostgreSQL (durable) and Redis; "
        f"a signal in {per_signal:,.0f} evaluations, {flows[0].fills:,} fills; default limits and charges; the clock "
        "covers all from the wake-up of ingest, loading of strategies too, until every order is done with, "
        f"but not the making of the spool; {_nanoseconds(size, flows):.0f} ns of CPU an evaluation in all processes of "
        f"the house; median of {len(flows)}"
    )


def _nanoseconds(size: Size, flows: list[Flow]) -> float:
    return middle(flow.cpu_seconds / flow.ticks / size.strategies * 1e9 for flow in flows)


def _row(queue: Queue, ours: float, shots: list[Shot], about: str) -> Row:
    against = f"{queue.name} ({queue.package} {shots[0].version})"
    text = (
        f"{about}; the other: {shots[0].count:,} pairs of tick and strategy, a task for each of four stages of plain "
        "arithmetic, no ledger, Redis without persistence, two worker processes; alternating"
    )
    return more_is_better("pipeline_evaluations", ours, "evaluations/s", against, middle(s.rate for s in shots), text)

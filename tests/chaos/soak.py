"""`make soak`: replays at full speed, one after the other, while the memory of every worker is watched."""

from __future__ import annotations

import json
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING

import psutil

from tests.chaos.__main__ import prepare_environment
from tests.servers import temporary_home

if TYPE_CHECKING:
    from tests.chaos.house import House

EVERY_SECONDS = 15.0
WARM = 0.2  # of the time: caches fill, the allocator finds its size
MOST_GROWTH = 0.10  # of the memory after that, plus
SLACK_MB = 10.0
DAYS = 3  # of seeded bars in one replay
Sample = dict[str, float]


def main() -> int:
    parser = ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    with temporary_home("soak") as home:
        prepare_environment(home)
        import django

        django.setup()
        return run(home, options)


def run(home: Path, options: Namespace) -> int:
    """The exit code: 0 when every worker's memory stayed flat."""
    from tests.chaos.house import House

    house = House(home)
    try:
        house.start()
        found = soak(house, options)
    finally:
        left = house.stop()
    print(json.dumps({**found, "left_over": len(left)}), flush=True)  # noqa: T201
    return 0 if found["is_flat"] else 1


def soak(house: House, options: Namespace) -> dict[str, object]:
    from django.db.models import Sum

    from portfolio.models import Portfolio
    from tests.chaos import subject
    from tests.chaos.experiment import Experiment

    trials = subject.trials(subject.bars(house.home, options.seed, DAYS), house.home)
    experiment, begun = Experiment(house, trials, 0, lambda _: None), monotonic()
    samples: list[Sample] = []
    for _ in experiment.drained_again_and_again("soak", EVERY_SECONDS):
        samples.append(memory(house.members()))
        print(f"{monotonic() - begun:7.0f} s  {line(samples[-1])}", flush=True)  # noqa: T201
        if monotonic() - begun > options.minutes * 60:
            break
    growth = {name: grown(series) for name, series in by_worker(samples)}
    return {
        "minutes": round((monotonic() - begun) / 60, 1),
        "ticks": Portfolio.objects.aggregate(ticks=Sum("clock"))["ticks"],
        "memory_mb": {name: [round(first, 1), round(last, 1)] for name, (first, last) in growth.items()},
        "is_flat": bool(growth) and all(is_flat(first, last) for first, last in growth.values()),
    }


def memory(members: Sequence[psutil.Process]) -> Sample:
    """Private megabytes of every worker, its pool included, by the name it was started with."""
    found: Sample = {}
    for process in members:
        with suppress(psutil.Error, ValueError):
            command = process.cmdline()
            name = command[command.index("-n") + 1].partition("@")[0]
            family = [process, *process.children(recursive=True)]
            found[name] = sum(member.memory_full_info().uss for member in family) / 1e6
    return found


def by_worker(samples: Sequence[Sample]) -> Iterator[tuple[str, list[float]]]:
    for name in sorted({name for sample in samples for name in sample}):
        yield name, [sample[name] for sample in samples if name in sample]


def grown(series: Sequence[float]) -> tuple[float, float]:
    """Medians of the first and the last fifth after the warm-up."""
    warm = series[int(len(series) * WARM) :] or series
    fifth = max(1, len(warm) // 5)
    return median(warm[:fifth]), median(warm[-fifth:])


def is_flat(first: float, last: float) -> bool:
    return last <= first * (1 + MOST_GROWTH) + SLACK_MB


def line(sample: Sample) -> str:
    return "  ".join(f"{name} {megabytes:.0f} MB" for name, megabytes in sorted(sample.items()))


if __name__ == "__main__":
    sys.exit(main())

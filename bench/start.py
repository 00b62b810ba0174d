"""start: seconds from `up` to ready, and the memory of the whole house at rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, sleep

from bench.house import house, temporary_home
from bench.report import Row, less_is_better, middle
from bench.size import Size

AIM_SECONDS, AIM_MB = 10, 900
SHARDS = 2
REST_SECONDS = 5


def run(size: Size, folder: Path) -> Iterator[Row]:
    with temporary_home() as home:
        cold, _ = _started(home, 0)
        warm = [_started(home, REST_SECONDS) for _ in range(size.rounds)]
    about = (
        f"everything with web and mock market, {SHARDS} shards; the first start, which makes the database, takes "
        f"{cold:.1f} s; median of {size.rounds}"
    )
    yield less_is_better("start", middle(seconds for seconds, _ in warm), "s to ready", "the aim", AIM_SECONDS, about)
    about = f"PSS of all processes, servers too, {REST_SECONDS} s after it was ready, with the mock market running"
    yield less_is_better("start", middle(memory for _, memory in warm), "MB", "the aim", AIM_MB, about)


def _started(home: Path, rest: float) -> tuple[float, float]:
    """Seconds to ready, and megabytes after some seconds of rest."""
    begun = perf_counter()
    with house(SHARDS, "--feed", "mock", home=home) as place:
        seconds = perf_counter() - begun
        sleep(rest)
        return seconds, place.memory() / 1e6

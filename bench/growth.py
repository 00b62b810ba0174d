"""growth: CPU seconds an evaluation costs the whole house, as strategies, instruments and shards become more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import mix
from bench.data import walk
from bench.house import House, house
from bench.replay import Replay
from bench.report import Row, less_is_better
from bench.size import Size

EACH = 10
NANO = 1e9


@dataclass(frozen=True, slots=True)
class Case:
    strategies: int
    instruments: int
    shards: int
    evaluations: int


@dataclass(frozen=True, slots=True)
class Cost:
    nanoseconds: float  # of CPU for an evaluation
    memory: int


def run(size: Size, folder: Path) -> Iterator[Row]:
    much, some = size.growth_evaluations, size.growth_evaluations // 10
    one, many = Case(1, 5, 1, some // 4), Case(size.many_strategies, 5, 1, much)
    few, wide = Case(10, 5, 1, some), Case(10, size.many_instruments, 1, some)
    spread = Case(size.many_strategies, 5, 4, much)
    costs = {case: _cost(case) for case in (one, many, few, wide, spread)}
    yield _row("strategies", one, many, costs, many.strategies - one.strategies)
    yield _row("instruments", few, wide, costs, wide.instruments - few.instruments)
    yield _row("shards", many, spread, costs, spread.shards - many.shards)


def _cost(case: Case) -> Cost:
    """Without what it costs to load the strategies: a hundredth of the ticks is taken off."""
    ticks = case.evaluations // case.strategies
    with house(case.shards) as place:
        little = _cpu_seconds(case, ticks // 100, place)
        much = _cpu_seconds(case, ticks, place)
        return Cost((much - little) / (0.99 * case.evaluations) * NANO, place.memory())


def _cpu_seconds(case: Case, ticks: int, place: House) -> float:
    replay = Replay(walk(ticks, case.instruments), mix.portfolios(case.strategies, EACH))
    replay.prepare(place, case.shards)
    return replay.run(place).cpu_seconds


def _row(what: str, small: Case, large: Case, costs: dict[Case, Cost], more: int) -> Row:
    before, after = costs[small], costs[large]
    grown = after.memory - before.memory
    text = (
        f"CPU of all processes of the house, servers too, without loading; {_words(large)} against {_words(small)}; "
        f"every strategy looks at every instrument; memory {after.memory / 1e6:,.0f} MB against "
        f"{before.memory / 1e6:,.0f} MB (PSS), {grown / more / 1e3:,.0f} kB for each of {more:,} more"
    )
    return less_is_better("growth", after.nanoseconds, "CPU ns/evaluation", f"fewer {what}", before.nanoseconds, text)


def _words(case: Case) -> str:
    return (
        f"{case.strategies:,} strategies, {case.instruments:,} instruments, {case.shards} shards, "
        f"{case.evaluations:,} evaluations"
    )

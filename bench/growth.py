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
    memory: int  # bytes that the workers had at most, so far


def run(size: Size, folder: Path) -> Iterator[Row]:
    much, some = size.growth_evaluations, size.growth_evaluations // 4
    one, few = Case(1, 5, 1, some // 5), Case(10, 5, 1, much)
    many, wide = Case(size.many_strategies, 5, 1, much), Case(10, size.many_instruments, 1, much)
    spread = Case(size.many_strategies, 5, 4, much)
    costs = {}
    for cases in ((one, few, many, wide), (spread,)):
        with house(cases[0].shards) as place:
            _cpu_seconds(cases[0], 1_000, place)  # what is done once is done by then
            costs.update({case: _cost(case, place) for case in cases})
    more = many.strategies - few.strategies
    yield _row("strategies", one, many, costs, _memory(costs[few], costs[many], more, "strategy on 5 instruments"))
    more = wide.instruments - few.instruments
    yield _row(
        "instruments", few, wide, costs, _memory(costs[many], costs[wide], more, "instrument with 10 strategies")
    )
    yield _row("shards", many, spread, costs, "")


def _cost(case: Case, place: House) -> Cost:
    """Without what it costs to load the strategies: a hundredth of the ticks is taken off."""
    ticks = case.evaluations // case.strategies
    little = _cpu_seconds(case, ticks // 100, place)
    much = _cpu_seconds(case, ticks, place)
    if much <= little:
        raise ValueError(f"too little work to be measured: {case}")
    return Cost((much - little) / (0.99 * case.evaluations) * NANO, place.most_memory())


def _cpu_seconds(case: Case, ticks: int, place: House) -> float:
    replay = Replay(walk(ticks, case.instruments), mix.portfolios(case.strategies, EACH))
    replay.prepare(place, case.shards)
    return replay.run(place).cpu_seconds


def _memory(before: Cost, after: Cost, more: int, what: str) -> str:
    """Each case asks for more than all before it, so the rise of the most is its own."""
    return f"; {(after.memory - before.memory) / more / 1e3:,.1f} kB for each {what}"


def _row(what: str, small: Case, large: Case, costs: dict[Case, Cost], memory: str) -> Row:
    before, after = costs[small].nanoseconds, costs[large].nanoseconds
    text = (
        f"CPU of all processes of the house, servers too, without loading; {_words(large)} against {_words(small)}; "
        f"every strategy looks at every instrument{memory}"
    )
    return less_is_better("growth", after, "CPU ns/evaluation", f"fewer {what}", before, text)


def _words(case: Case) -> str:
    return (
        f"{case.strategies:,} strategies, {case.instruments:,} instruments, {case.shards} shards, "
        f"{case.evaluations:,} evaluations"
    )

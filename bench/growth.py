"""growth: CPU seconds an evaluation costs the whole house, as strategies, instruments and shards become more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench import mix
from bench.data import walk
from bench.house import House, house
from bench.replay import Flow, Replay
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
    signals: float  # in a million evaluations
    loading: float  # microseconds of CPU for each strategy in each instrument, until both have ticked twice
    memory: int  # bytes that the workers had at most, so far


def run(size: Size, folder: Path) -> Iterator[Row]:
    much, some = size.growth_evaluations, size.growth_evaluations // 4
    one, few = Case(1, 5, 1, some // 5), Case(10, 5, 1, much)
    many, wide = Case(size.many_strategies, 5, 1, much), Case(10, size.many_instruments, 1, much)
    spread = Case(size.many_strategies, 5, 4, much)
    again = [few, wide] * (3 * size.rounds - 3)  # of two such costs, alike, one is at times a fifth higher
    again += [many] * (size.rounds - 1)
    measured: defaultdict[Case, list[Cost]] = defaultdict(list)
    for cases in ([one, few, many, wide, *again], [spread] * size.rounds):
        with house(cases[0].shards) as place:
            _flow(cases[0], 1_000, place)  # what is done once is done by then
            for case in cases:
                measured[case].append(_cost(case, place))
    costs = {case: _middle(found) for case, found in measured.items()}
    more = many.strategies - few.strategies
    yield _row("strategies", one, many, costs, _memory(costs[few], costs[many], more, "strategy on 5 instruments"))
    more = wide.instruments - few.instruments
    yield _row(
        "instruments", few, wide, costs, _memory(costs[many], costs[wide], more, "instrument with 10 strategies")
    )
    yield _row("shards", many, spread, costs, "")


def _cost(case: Case, place: House) -> Cost:
    """Of what comes after the first third of the ticks: the rest of a day costs what this costs."""
    ticks = case.evaluations // case.strategies
    loading, begun, whole = (_flow(case, until, place) for until in (2 * case.instruments, ticks // 3, ticks))
    seconds, evaluations = whole.cpu_seconds - begun.cpu_seconds, (whole.ticks - begun.ticks) * case.strategies
    if seconds <= 0:
        raise ValueError(f"too little work to be measured: {case}")
    return Cost(
        seconds / evaluations * NANO,
        (whole.signals - begun.signals) / evaluations * 1e6,
        loading.cpu_seconds / (case.strategies * case.instruments) * 1e6,
        place.most_memory(),
    )


def _middle(found: list[Cost]) -> Cost:
    """The median, with the memory of the first: later ones find what the workers keep."""
    ordered = sorted(found, key=lambda cost: cost.nanoseconds)
    return replace(ordered[len(ordered) // 2], memory=found[0].memory)


def _flow(case: Case, ticks: int, place: House) -> Flow:
    """Strategies that only go long signal as often in their first hour as later: those that go short as well signal
    twice as often from flat, which thousands of instruments are for longer than a measurement takes.
    """
    replay = Replay(walk(ticks, case.instruments), mix.portfolios(case.strategies, EACH, allow_short=False))
    replay.prepare(place, case.shards)
    return replay.run(place)


def _memory(before: Cost, after: Cost, more: int, what: str) -> str:
    """Each case asks for more than all before it, so the rise of the most is its own."""
    return f"; {(after.memory - before.memory) / more / 1e3:,.1f} kB for each {what}"


def _row(what: str, small: Case, large: Case, costs: dict[Case, Cost], memory: str) -> Row:
    before, after = costs[small], costs[large]
    text = (
        f"CPU of all processes of the house, servers too, of the last two thirds of a replay's ticks; {_words(large)} "
        f"against {_words(small)}; every strategy looks at all instruments and goes long only, its 50 trades of a "
        f"day are used up; signals in a million evaluations: {after.signals:,.0f} against {before.signals:,.0f}; "
        f"not in it: {after.loading:,.1f} µs to load each strategy in each instrument, with its first two ticks{memory}"
    )
    return less_is_better("growth", after.nanoseconds, "CPU ns/evaluation", f"fewer {what}", before.nanoseconds, text)


def _words(case: Case) -> str:
    return (
        f"{case.strategies:,} strategies, {case.instruments:,} instruments, {case.shards} shards, "
        f"{case.evaluations:,} evaluations"
    )

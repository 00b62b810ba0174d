"""A live market in a house, fed by a process of ours, and how long after a tick what was committed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alphapanda import program
from alphapanda.program import Program
from bench.house import House, wait_for
from bench.listening import Heard, listening
from bench.replay import Wanted, add_strategies, balanced_portfolio, bench_instruments
from risk.limit_services import change_limits
from strategies.models import Signal
from strategies.seen import seen_by
from trading.markets import open_market
from trading.models import Fill, Gap, Market

GRACE_SECONDS = 120
DRAIN_SECONDS = 30
ARRIVED, APPENDED = 1, 2


@dataclass(frozen=True, slots=True)
class Phase:
    rate: float  # ticks a second
    seconds: float


@dataclass(frozen=True, slots=True)
class Passed:
    """A phase that is over; delays in milliseconds. Lost is what was not taken in time, not kept or not seen."""

    rate: float
    ticks: int
    lost: int
    signals: list[float]  # tick → signal committed
    fills: list[float]  # (append of a tick → order committed) + (append of the filling tick → fill committed)
    since_arrival: list[float]  # the same, with what it takes to decode and append the ticks


def run_live(
    house: House, shards: int, name: str, instruments: int, portfolios: Sequence[Sequence[Wanted]], *phases: Phase
) -> list[Passed]:
    """Opens a market with these portfolios and feeds it, one phase after the other; the first is for loading alone."""
    rows = bench_instruments(instruments)
    market = open_market(name, Market.Kind.LIVE, range(shards), is_active=False)
    for number, wanted in enumerate(portfolios):
        portfolio = balanced_portfolio(name, number, shards, market)
        change_limits(portfolio, {"max_trades_per_day": None})
        add_strategies(portfolio, wanted, rows)
    out = house.home / f"{market.pk}.npz"
    with listening() as heard:
        _feed(house, market, rows[0].pk, instruments, out, phases)
        seen = _drain(market, out)
    return [_passed(market, heard, out, seen, place, phase) for place, phase in enumerate(phases) if place]


def _feed(house: House, market: Market, first: int, count: int, out: Path, phases: Sequence[Phase]) -> None:
    told = [f"{phase.rate}:{phase.seconds}" for phase in phases]
    command = (sys.executable, "-m", "bench.feed", str(market.pk), str(first), str(count), str(out), *told)
    feed = Program(name="feed", command=command, environment={"ALPHAPANDA_HOME": str(house.home)})
    child = program.start(feed, house.home)
    try:
        if child.wait(sum(phase.seconds for phase in phases) + GRACE_SECONDS):
            raise RuntimeError(f"the feed ended:\n{program.last_lines(feed, house.home, 20)}")
    finally:
        program.kill(child)


def _drain(market: Market, out: Path) -> int:
    """Waits a while for the slowest shard; returns how far it is."""
    last = int(_batches(out)[-1, 0])
    with suppress(TimeoutError):
        wait_for(lambda: _seen(market) >= last, DRAIN_SECONDS, "all ticks are seen", 0.2)
    return _seen(market)


def _seen(market: Market) -> int:
    return min(seen_by(market.pk, number) for number in market.shards.values_list("number", flat=True))


def _batches(out: Path) -> NDArray[np.int64]:
    """Last number, arrival and append (microseconds) of every batch."""
    with np.load(out) as kept:
        return kept["batches"]


def _passed(market: Market, heard: Heard, out: Path, seen: int, place: int, phase: Phase) -> Passed:
    with np.load(out) as kept:
        first, last, lost = map(int, kept["phases"][place])
    gaps = Gap.objects.filter(market=market, first__gte=first, first__lte=last)
    lost += sum(gap.last - gap.first + 1 for gap in gaps) + max(0, last - max(first - 1, seen))
    batches = _batches(out)
    mine = {"portfolio__market": market, "tick__range": (first, last)}
    signals = Signal.objects.filter(**mine).values_list("pk", "tick")
    fills = list(Fill.objects.filter(**mine).values_list("pk", "tick", "order", "order__placed_tick"))
    said, placed, filled = (heard[kind] for kind in ("signal.generated", "order.placed", "order.filled"))
    known = [
        (filled[str(pk)] + placed[str(order)], tick, at)
        for pk, tick, order, at in fills
        if str(pk) in filled and str(order) in placed
    ]
    since_arrival, since_append = (
        [at - _when(batches, filling, since) - _when(batches, placing, since) for at, filling, placing in known]
        for since in (ARRIVED, APPENDED)
    )
    return Passed(
        rate=phase.rate,
        ticks=last - first + 1,
        lost=lost,
        signals=[said[str(pk)] - _when(batches, tick, ARRIVED) for pk, tick in signals if str(pk) in said],
        fills=since_append,
        since_arrival=since_arrival,
    )


def _when(batches: NDArray[np.int64], tick: int, column: int) -> float:
    """Milliseconds since the epoch."""
    return float(batches[np.searchsorted(batches[:, 0], tick), column]) / 1_000

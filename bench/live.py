"""A live market in a house, fed by a process of ours, and how long after a tick's arrival what was committed."""

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
WARM_SECONDS = 7.0


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
    fills: list[float]  # (tick → order committed) + (filling tick → fill committed)


def run_live(
    house: House, shards: int, name: str, instruments: int, portfolios: Sequence[Sequence[Wanted]], *phases: Phase
) -> list[Passed]:
    """Opens a market with these portfolios and feeds it: some seconds for loading, then one phase after the other."""
    phases = (Phase(phases[0].rate, WARM_SECONDS), *phases)
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
    last = int(_arrivals(out)[-1, 0])
    with suppress(TimeoutError):
        wait_for(lambda: _seen(market) >= last, DRAIN_SECONDS, "all ticks are seen", 0.2)
    return _seen(market)


def _seen(market: Market) -> int:
    return min(seen_by(market.pk, number) for number in market.shards.values_list("number", flat=True))


def _arrivals(out: Path) -> NDArray[np.int64]:
    """Last number and arrival (microseconds) of every batch."""
    with np.load(out) as kept:
        return kept["arrivals"]


def _passed(market: Market, heard: Heard, out: Path, seen: int, place: int, phase: Phase) -> Passed:
    with np.load(out) as kept:
        first, last, lost = map(int, kept["phases"][place])
    gaps = Gap.objects.filter(market=market, first__gte=first, first__lte=last)
    lost += sum(gap.last - gap.first + 1 for gap in gaps) + max(0, last - max(first - 1, seen))
    arrivals = _arrivals(out)
    mine = {"portfolio__market": market, "tick__range": (first, last)}
    signals = Signal.objects.filter(**mine).values_list("pk", "tick")
    fills = Fill.objects.filter(**mine).values_list("pk", "tick", "order", "order__placed_tick")
    said, placed, filled = (heard[kind] for kind in ("signal.generated", "order.placed", "order.filled"))
    known = [(pk, tick, order, at) for pk, tick, order, at in fills if str(pk) in filled and str(order) in placed]
    return Passed(
        rate=phase.rate,
        ticks=last - first + 1,
        lost=lost,
        signals=[said[str(pk)] - _arrival(arrivals, tick) for pk, tick in signals if str(pk) in said],
        fills=[
            filled[str(pk)] - _arrival(arrivals, tick) + placed[str(order)] - _arrival(arrivals, at)
            for pk, tick, order, at in known
        ],
    )


def _arrival(arrivals: NDArray[np.int64], tick: int) -> float:
    """Milliseconds since the epoch."""
    return float(arrivals[np.searchsorted(arrivals[:, 0], tick), 1]) / 1_000

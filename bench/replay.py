"""A replay of our own ticks through a house: many portfolios with many strategies in one market."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from time import perf_counter
from typing import Any
from uuid import uuid4

import numpy as np
from django.contrib.auth.models import User
from numpy.typing import NDArray

from alphapanda import pipeline
from bench.house import House, wait_for
from portfolio.models import Portfolio
from portfolio.services import open_portfolio, shard_of
from risk.limit_services import change_limits
from strategies.models import Signal
from strategies.services import create_strategy, start
from trading.feed.spool import write_spool
from trading.markets import open_market
from trading.models import Fill, Instrument, Market
from trading.packing import as_batch
from trading.progress import is_idle
from trading.reference import INSTRUMENTS
from trading.ticks import Ticks

CASH = Decimal(100_000_000)
CHUNK = 10_000
DRAIN_SECONDS = 600
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A strategy to be started; without instruments (numbers from 1) it looks at all."""

    type: str
    parameters: dict[str, Any]
    instruments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """What a drained replay took and made."""

    ticks: int
    seconds: float
    cpu_seconds: float
    signals: int
    fills: int


@dataclass(slots=True)
class Replay:
    """`portfolios` say which strategies each has; `limits` are those to be changed."""

    rows: NDArray[np.void]
    portfolios: Sequence[Sequence[Wanted]]
    limits: dict[str, Any] = field(default_factory=dict)
    slippage_bps: int = 5
    market: Market = field(init=False)

    def prepare(self, house: House, shards: int) -> None:
        """Everything but the flow: instruments, spool, market, portfolios; it is not active yet."""
        INSTRUMENTS.clear()
        instruments = bench_instruments(int(self.rows["instrument"].max()))
        rows = self.rows.copy()
        rows["instrument"] += instruments[0].pk - 1
        spool = house.home / "replays" / f"{uuid4()}.spool"
        spool.parent.mkdir(exist_ok=True)
        write_spool(spool, _ticks(rows))
        name = f"bench {next(_numbers)}"
        fields = {"spool": str(spool), "last_tick": len(rows), "is_active": False}
        self.market = open_market(name, Market.Kind.REPLAY, range(shards), **fields)
        for number, wanted in enumerate(self.portfolios):
            portfolio = balanced_portfolio(name, number, shards, self.market, slippage_bps=self.slippage_bps)
            change_limits(portfolio, self.limits)
            add_strategies(portfolio, wanted, instruments)

    def run(self, house: House) -> Flow:
        """From the wake-up of ingest until every tick, signal and order is done with."""
        cpu = house.cpu_seconds()
        begun = perf_counter()
        Market.objects.filter(pk=self.market.pk).update(is_active=True)
        pipeline.wake_ingest(self.market.pk)
        wait_for(lambda: is_idle(self.market.pk, len(self.rows)), DRAIN_SECONDS, "the replay is drained")
        seconds, cpu = perf_counter() - begun, house.cpu_seconds() - cpu
        mine = {"portfolio__market": self.market}
        signals, fills = Signal.objects.filter(**mine).count(), Fill.objects.filter(**mine).count()
        return Flow(len(self.rows), seconds, cpu, signals, fills)


def bench_instruments(most: int) -> list[Instrument]:
    """Numbered without a gap."""
    known = Instrument.objects.filter(symbol__startswith="BENCH").count()
    if known < most:
        Instrument.objects.filter(symbol__startswith="BENCH").delete() if not known else None
        names = (f"BENCH{number:05}" for number in range(known, most))
        Instrument.objects.bulk_create([Instrument(symbol=name, tick_size=Decimal("0.05")) for name in names])
    found = list(Instrument.objects.filter(symbol__startswith="BENCH").order_by("pk")[:most])
    assert found[-1].pk - found[0].pk == most - 1
    return found


def balanced_portfolio(name: str, number: int, shards: int, market: Market, **terms: Any) -> Portfolio:
    """The n-th portfolio, in shard n modulo shards: a name is looked for that falls there."""
    user = User.objects.get(username="demo")
    names = (f"{name} {number}.{attempt}" for attempt in count())
    fitting = next(found for found in names if shard_of(user, found) == number % shards)
    return open_portfolio(user, fitting, market, CASH, **terms)


def add_strategies(portfolio: Portfolio, wanted: Iterable[Wanted], instruments: Sequence[Instrument]) -> None:
    for ordinal, one in enumerate(wanted):
        traded = [instruments[number - 1] for number in one.instruments]
        start(create_strategy(portfolio, str(ordinal), one.type, one.parameters, traded))


def _ticks(rows: NDArray[np.void]) -> Iterable[Any]:
    for begin in range(0, len(rows), CHUNK):
        data = as_batch(rows[begin : begin + CHUNK].tobytes(), is_wide=False)
        yield from Ticks.unpacked(data, begin + 1, INSTRUMENTS)

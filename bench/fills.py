"""fills: fills a second into the ledger when everything signals at once, one portfolio and fifty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from uuid import uuid4

from django.db import transaction
from django.db.models import F

from bench.data import walk
from bench.house import House, house
from bench.replay import Replay, Wanted
from bench.report import Row, middle, more_is_better
from bench.size import Size
from portfolio.models import Portfolio, Position
from risk.models import Decision
from strategies.models import Signal
from trading.models import Fill, Order

INSTRUMENTS = 10
SHARDS = 2
STRATEGIES = 10
SPACING = 2_000  # microseconds: below the most signals a second of one instrument
NO_COUNT = {"max_trades_per_day": None}


def run(size: Size, folder: Path) -> Iterator[Row]:
    taken: dict[int, list[tuple[float, float, float]]] = {1: [], 50: []}
    with house(SHARDS) as place:
        for _ in range(size.rounds):
            for portfolios, pairs in taken.items():
                replay = _replay(size.fills, portfolios)
                pairs.append((*_rates(replay, place), _saves_a_second(replay, size.saves)))
    for portfolios, pairs in taken.items():
        yield _row(portfolios, pairs, size)


def _replay(fills: int, portfolios: int) -> Replay:
    """About so many fills: each strategy of each portfolio changes its mind at every tick of its instrument."""
    each = STRATEGIES if portfolios == 1 else 1
    wanted = [Wanted("flip", {}, (number % INSTRUMENTS + 1,)) for number in range(each * portfolios)]
    rows = walk(fills * INSTRUMENTS // len(wanted), INSTRUMENTS, spacing=SPACING)
    return Replay(rows, [wanted[n * each : (n + 1) * each] for n in range(portfolios)], NO_COUNT)


def _rates(replay: Replay, place: House) -> tuple[float, float]:
    """Fills a second, and milliseconds of CPU that one takes in all processes together."""
    replay.prepare(place, SHARDS)
    flow = replay.run(place)
    unfilled, strategies = flow.signals - flow.fills, sum(map(len, replay.portfolios))
    assert unfilled <= strategies, f"{unfilled} of {flow.signals} signals came to nothing"  # the last ones wait
    return flow.fills / flow.seconds, flow.cpu_seconds / flow.fills * 1_000


def _saves_a_second(replay: Replay, most: int) -> float:
    """The rows of these fills written once more, each by a `save()` of its own, a transaction for each fill."""
    whose = Fill.objects.filter(portfolio__market=replay.market)
    fills = list(whose.select_related("order__decision__signal", "portfolio")[:most])
    begun = perf_counter()
    for fill in fills:
        with transaction.atomic():
            _save_rows_of(fill)
    return len(fills) / (perf_counter() - begun)


def _save_rows_of(fill: Fill) -> None:
    order: Order = fill.order
    decision: Decision = order.decision
    signal: Signal = decision.signal
    signal.pk, signal.n = uuid4(), signal.n + 1
    signal.save(force_insert=True)
    decision.pk, decision.signal = uuid4(), signal
    decision.save(force_insert=True)
    order.pk, order.decision = uuid4(), decision
    order.save(force_insert=True)
    fill.pk, fill.order = uuid4(), order
    fill.save(force_insert=True)
    held = Position.objects.get(strategy=fill.strategy_id, instrument=fill.instrument_id)
    held.cost = fill.price
    held.save()
    Portfolio.objects.filter(pk=fill.portfolio_id).update(cash=F("cash") - fill.charges)


def _row(portfolios: int, pairs: list[tuple[float, float, float]], size: Size) -> Row:
    ours, cpu, saves = (middle(values) for values in zip(*pairs, strict=True))
    text = (
        f"{portfolios} portfolio{'s' if portfolios > 1 else ''}, about {size.fills:,} fills, each with a signal, a "
        f"decision and an order of its own, through all stages of a house with {SHARDS} shards, durable commits, "
        f"events sent; {cpu:.2f} ms of CPU for each in all processes of the house; the other: {size.saves:,} times the "
        f"same rows with save() in a transaction; median of {len(pairs)}, alternating"
    )
    return more_is_better("fills", ours, "fills/s", "ORM save() per row", saves, text)

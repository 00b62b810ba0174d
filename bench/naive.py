"""The naive way with the same ledger: a Celery chain for a tick, each task loads and saves its rows."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from decimal import Decimal
from time import time
from uuid import uuid4

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from celery import Celery, chain
from django.conf import settings
from django.db import transaction

from alphapanda import program
from alphapanda.program import Program
from bench.house import House
from portfolio.models import Portfolio, Position
from risk.models import Decision
from strategies.models import Signal, Strategy
from trading.models import Fill, Order

FAR = 10**12  # ticks of ours are below
START_SECONDS = 60
NOTHING = dict.fromkeys(("brokerage", "stt", "exchange_charge", "sebi", "stamp", "gst", "charges"), Decimal(0))
TERMS = {"side": "BUY", "quantity": 1}

app = Celery("bench.naive", set_as_current=False)
app.conf.update(broker_url=settings.REDIS_URL, result_backend=settings.REDIS_URL, task_default_queue="naive")


@app.task
def evaluate(strategy_id: int, number: int, price: str) -> str:
    strategy = Strategy.objects.get(pk=strategy_id)
    signal = Signal(
        id=uuid4(), version=strategy.versions.get(), n=0, target=1, exchange_time=datetime.now(UTC),
        price=Decimal(price), order_type="MARKET", validity="DAY", **TERMS, **_whose(strategy, number),
    )  # fmt: skip
    signal.save(force_insert=True)
    return str(signal.pk)


@app.task
def decide(signal_id: str) -> str:
    signal = Signal.objects.select_related("strategy").get(pk=signal_id)
    whose = _whose(signal.strategy, signal.tick)
    with transaction.atomic():
        decision = Decision(
            id=uuid4(), signal=signal, n=0, trade_date=signal.exchange_time.date(), quantity=1, approved=True,
            exchange_time=signal.exchange_time, **whose,
        )  # fmt: skip
        decision.save(force_insert=True)
        signal.is_decided = True
        signal.save()
        whose.pop("tick")
        order = Order(
            id=uuid4(), decision=decision, order_type="MARKET", validity="DAY", placed_tick=signal.tick,
            placed_time=signal.exchange_time, **TERMS, **whose,
        )  # fmt: skip
        order.save(force_insert=True)
    return str(order.pk)


@app.task
def execute(order_id: str) -> str:
    order = Order.objects.select_related("strategy").get(pk=order_id)
    with transaction.atomic():
        fill = Fill(
            id=uuid4(), order=order, n=1, price=Decimal(100), exchange_time=order.placed_time, **TERMS, **NOTHING,
            **_whose(order.strategy, order.placed_tick),
        )  # fmt: skip
        fill.save(force_insert=True)
        order.status, order.filled, order.fill_count = "COMPLETE", 1, 1
        order.save()
    return str(fill.pk)


@app.task
def book(fill_id: str) -> float:
    """When everything of the fill was committed."""
    fill = Fill.objects.get(pk=fill_id)
    with transaction.atomic():
        held = Position.objects.get(strategy=fill.strategy_id, instrument=fill.instrument_id)
        held.quantity, held.cost = held.quantity + fill.quantity, held.cost + fill.price
        held.save()
        portfolio = Portfolio.objects.get(pk=fill.portfolio_id)
        portfolio.cash -= fill.price
        portfolio.save()
    return time()


def _whose(strategy: Strategy, tick: int) -> dict[str, object]:
    """What every row says; a strategy here has one instrument."""
    (instrument,) = strategy.instruments.values_list("pk", flat=True)
    whose = {"portfolio_id": strategy.portfolio_id, "strategy_id": strategy.pk, "instrument_id": instrument}
    return {**whose, "correlation_id": uuid4(), "tick": tick}


def delays(house: House, count: int) -> list[float]:
    """Milliseconds from sending a tick until its fill is booked, one chain at a time."""
    app.conf.update(broker_url=settings.REDIS_URL, result_backend=settings.REDIS_URL)
    strategy = Position.objects.filter(strategy__versions__type="flip").values_list("strategy", flat=True)[0]
    command = (sys.executable, "-m", "celery", "-A", "bench.naive", "worker", "-c", "2", "-Q", "naive")
    worker = Program(name="naive", command=command, environment={"ALPHAPANDA_HOME": str(house.home)})
    child = program.start(worker, house.home)
    try:
        _delay(strategy, 0)  # the worker starts meanwhile
        return [_delay(strategy, number) for number in range(1, count + 1)]
    finally:
        program.kill(child)


def _delay(strategy: int, number: int) -> float:
    steps = chain(evaluate.s(strategy, FAR + number, "100.00"), decide.s(), execute.s(), book.s())
    begun = time()
    booked = steps.apply_async().get(START_SECONDS, interval=0.005)
    return float(booked - begun) * 1_000

"""Short ways to make rows: a person with a portfolio, and what its strategy did."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from django.contrib.auth.models import User
from rest_framework.test import APIClient

from portfolio.models import Portfolio, Position
from risk import past
from risk.models import Decision, Limits
from strategies.models import Signal, Strategy, StrategyVersion
from trading.models import Fill, Instrument, Market, Order

OPEN = datetime(2023, 4, 3, 3, 45, tzinfo=UTC)  # 09:15 in India
PASSWORD = "correct horse battery"


class Client(APIClient):
    default_format = "json"


def api(person=None):
    """A client of the API as this person, or as nobody."""
    client = Client(raise_request_exception=False)
    client.force_authenticate(person)
    return client


def user(name="asha", **more):
    """Without a password, because hashing takes its time, unless one is given."""
    return User.objects.create_user(name, **more)


def instrument(symbol="SBIN"):
    return Instrument.objects.get_or_create(symbol=symbol, defaults={"tick_size": Decimal("0.05")})[0]


def market(name="mock"):
    return Market.objects.get_or_create(name=name, defaults={"kind": Market.Kind.MOCK})[0]


def portfolio(owner, name="demo", **terms):
    opened = Portfolio.objects.create(
        user=owner, name=name, market=market(), shard=0, starting_cash=1_000_000, cash=1_000_000, **terms
    )
    Limits.objects.get_or_create(portfolio=opened)
    return opened


def strategy(of, name="follow", type_name="momentum", **parameters):
    made = Strategy.objects.create(portfolio=of, name=name, ordinal=of.strategies.count())
    StrategyVersion.objects.create(strategy=made, number=1, type=type_name, parameters=parameters)
    return made


@dataclass
class Traded:
    """One signal and all that came of it."""

    signal: Signal
    decision: Decision
    order: Order
    fill: Fill


def traded(by, tick=1, symbol="SBIN", status="COMPLETE"):
    """A signal at a tick (one a minute since the open), approved, ordered, filled at the next tick."""
    when = OPEN + timedelta(minutes=tick)
    common = {
        "portfolio": by.portfolio,
        "strategy": by,
        "instrument": instrument(symbol),
        "correlation_id": uuid4(),
    }
    terms = {"side": "BUY", "quantity": 100, "order_type": "MARKET", "validity": "DAY"}
    signal = Signal.objects.create(
        id=uuid4(), version=by.versions.get(), tick=tick, n=0, target=100, exchange_time=when, price=500,
        is_decided=True, **terms, **common,
    )  # fmt: skip
    decision = Decision.objects.create(
        id=uuid4(), signal=signal, tick=tick, n=0, trade_date=when.date(), exchange_time=when, approved=True,
        quantity=100, verdicts=[{"rule": "position", "limit": "1000", "observed": "100"}], **common,
    )  # fmt: skip
    filled = 100 if status == "COMPLETE" else 0
    order = Order.objects.create(
        id=uuid4(), decision=decision, placed_tick=tick, placed_time=when, status=status, filled=filled,
        closed_tick=None if status == "OPEN" else tick + 1, **terms, **common,
    )  # fmt: skip
    past.count([decision], [order])
    return Traded(signal, decision, order, fill(order))


def fill(order):
    parts = dict.fromkeys(["stt", "exchange_charge", "sebi", "stamp", "gst"], 0)
    return Fill.objects.create(
        id=uuid4(), order=order, n=0, portfolio=order.portfolio, strategy=order.strategy,
        instrument=order.instrument, correlation_id=order.correlation_id, side=order.side,
        quantity=order.quantity, price=Decimal("500.25"), tick=order.placed_tick + 1,
        exchange_time=order.placed_time + timedelta(minutes=1), brokerage=15, charges=15, **parts,
    )  # fmt: skip


def position(by, symbol="SBIN", quantity=100):
    return Position.objects.create(
        portfolio=by.portfolio, strategy=by, instrument=instrument(symbol), quantity=quantity,
        cost=500 * quantity, mark=510,
    )  # fmt: skip

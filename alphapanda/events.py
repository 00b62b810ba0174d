"""Events for whoever listens: typed, in one envelope, on a bounded Redis stream.

They tell what the ledger already holds; losing one loses nothing. A listener that needs every row reads rows.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID, uuid4

import redis
import structlog
from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from alphapanda.connection import connection, key
from alphapanda.money import money

log = structlog.get_logger(__name__)
STREAM = key("events")
Money = Annotated[Decimal, PlainSerializer(money, return_type=str)]


class Event(BaseModel):
    model_config = ConfigDict(frozen=True)


class SignalGenerated(Event):
    type: Literal["signal.generated"] = "signal.generated"
    signal_id: UUID
    portfolio_id: int
    strategy_id: int
    symbol: str
    tick: int
    side: str
    quantity: int
    target: int
    reason: str = ""


class SignalDecided(Event):
    type: Literal["signal.decided"] = "signal.decided"
    decision_id: UUID
    signal_id: UUID
    portfolio_id: int
    strategy_id: int
    approved: bool
    quantity: int
    denied_by: list[str]


class OrderPlaced(Event):
    type: Literal["order.placed"] = "order.placed"
    order_id: UUID
    portfolio_id: int
    strategy_id: int
    symbol: str
    side: str
    quantity: int
    order_type: str


class OrderClosed(Event):
    type: Literal["order.closed"] = "order.closed"
    order_id: UUID
    portfolio_id: int
    status: str
    filled: int


class OrderFilled(Event):
    type: Literal["order.filled"] = "order.filled"
    fill_id: UUID
    order_id: UUID
    portfolio_id: int
    strategy_id: int
    symbol: str
    side: str
    quantity: int
    price: Money
    charges: Money


class PortfolioValued(Event):
    type: Literal["portfolio.valued"] = "portfolio.valued"
    portfolio_id: int
    equity: Money
    cash: Money
    net_pnl: Money


class StrategyControlled(Event):
    type: Literal["strategy.controlled"] = "strategy.controlled"
    portfolio_id: int
    strategy_id: int
    kind: str
    from_tick: int | None
    reason: str = ""


class HaltChanged(Event):
    type: Literal["halt.changed"] = "halt.changed"
    portfolio_id: int | None
    strategy_id: int | None = None
    state: str
    in_force: bool
    reason: str


class FeedGap(Event):
    type: Literal["feed.gap"] = "feed.gap"
    market_id: UUID
    first: int
    last: int
    reason: str
    reader: str = ""


AnyEvent = Annotated[
    SignalGenerated
    | SignalDecided
    | OrderPlaced
    | OrderClosed
    | OrderFilled
    | PortfolioValued
    | StrategyControlled
    | HaltChanged
    | FeedGap,
    Field(discriminator="type"),
]


class EventEnvelope(BaseModel):
    """`key` is what events are ordered by, `correlation_id` the tick it all began with."""

    model_config = ConfigDict(frozen=True)

    id: UUID = Field(default_factory=uuid4)
    type: str
    ts: datetime = Field(default_factory=lambda: datetime.now(UTC))
    source: str
    key: str
    version: int = 1
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    data: AnyEvent


def envelope(
    event: AnyEvent, source: str, key: object, *, correlation: UUID | None = None, cause: UUID | None = None
) -> EventEnvelope:
    return EventEnvelope(
        type=event.type,
        source=source,
        key=str(key),
        correlation_id=correlation,
        causation_id=cause,
        data=event,
    )


def publish(envelopes: Iterable[EventEnvelope]) -> None:
    """Call it after the commit. Without Redis the events are counted in the log and gone."""
    texts = [e.model_dump_json() for e in envelopes]
    try:
        with connection().pipeline(transaction=False) as batch:
            for text in texts:
                batch.xadd(STREAM, {"event": text}, maxlen=settings.EVENTS_KEEP, approximate=True)
            batch.execute()
    except redis.RedisError as error:
        log.warning("events_lost", count=len(texts), error=str(error))

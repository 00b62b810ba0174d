"""Events for whoever listens: typed, in one envelope, on a bounded Redis stream.

They tell what the ledger already holds; losing one loses nothing. A listener that needs every row reads rows.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
import redis
import structlog
from django.conf import settings

from alphapanda.connection import key, tell

log = structlog.get_logger(__name__)
STREAM = key("events")
Money = str  # as `alphapanda.money` writes it

# One command for a batch: each entry by itself would cost more than making it.
_ADD_ALL = """
for i = 2, #ARGV do redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'event', ARGV[i]) end
"""
_AT_ONCE = 1_000  # a script holds everybody up while it runs


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What happened; its type is its tag."""

    @property
    def type(self) -> str:
        return str(self.__struct_config__.tag)


class SignalGenerated(Event, frozen=True, kw_only=True, tag="signal.generated"):
    signal_id: UUID
    portfolio_id: int
    strategy_id: int
    symbol: str
    tick: int
    side: str
    quantity: int
    target: int
    reason: str = ""


class SignalDecided(Event, frozen=True, kw_only=True, tag="signal.decided"):
    decision_id: UUID
    signal_id: UUID
    portfolio_id: int
    strategy_id: int
    approved: bool
    quantity: int
    denied_by: list[str]


class OrderPlaced(Event, frozen=True, kw_only=True, tag="order.placed"):
    order_id: UUID
    portfolio_id: int
    strategy_id: int
    symbol: str
    side: str
    quantity: int
    order_type: str


class OrderClosed(Event, frozen=True, kw_only=True, tag="order.closed"):
    order_id: UUID
    portfolio_id: int
    status: str
    filled: int


class OrderFilled(Event, frozen=True, kw_only=True, tag="order.filled"):
    fill_id: UUID
    order_id: UUID
    portfolio_id: int
    strategy_id: int
    symbol: str
    side: str
    quantity: int
    price: Money
    charges: Money


class PortfolioValued(Event, frozen=True, kw_only=True, tag="portfolio.valued"):
    portfolio_id: int
    equity: Money
    cash: Money
    net_pnl: Money


class StrategyControlled(Event, frozen=True, kw_only=True, tag="strategy.controlled"):
    portfolio_id: int
    strategy_id: int
    kind: str
    from_tick: int | None
    reason: str = ""


class HaltChanged(Event, frozen=True, kw_only=True, tag="halt.changed"):
    portfolio_id: int | None
    strategy_id: int | None = None
    state: str
    in_force: bool
    reason: str


class FeedGap(Event, frozen=True, kw_only=True, tag="feed.gap"):
    market_id: UUID
    first: int
    last: int
    reason: str
    reader: str = ""


class EventEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    """`key` is what events are ordered by, `correlation_id` the tick it all began with."""

    id: UUID = msgspec.field(default_factory=uuid4)
    type: str
    ts: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))
    source: str
    key: str
    version: int = 1
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    data: Event


def envelope(
    event: Event, source: str, key: object, *, correlation: UUID | None = None, cause: UUID | None = None
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
    texts = [msgspec.json.encode(e) for e in envelopes]
    try:
        for start in range(0, len(texts), _AT_ONCE):
            _add(texts[start : start + _AT_ONCE])
    except redis.RedisError as error:
        log.warning("events_lost", count=len(texts), error=str(error))


def _add(texts: Sequence[bytes]) -> None:
    tell(lambda redis: redis.eval(_ADD_ALL, 1, STREAM, settings.EVENTS_KEEP, *texts), events=len(texts))

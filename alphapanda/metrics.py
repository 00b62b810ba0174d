"""What monitoring reads: Prometheus text, numbers only, cheap at any length of history."""

from collections.abc import Iterable, Iterator

from django.db import connection as database

from alphapanda.celery import queue_names
from alphapanda.connection import connection
from alphapanda.wake import queue_length
from strategies.models import Shard
from strategies.seen import seen_by
from trading.log import MarketLog

TABLES = {"strategies_signal": "signals", "risk_decision": "decisions", "trading_order": "orders"}
TABLES |= {"trading_fill": "fills"}
Sample = tuple[str, float]


def text() -> str:
    """Errors: OperationalError, RedisError."""
    families = [
        ("rows_total", "counter", "rows written since the database's statistics began", rows()),
        ("queue_length", "gauge", "messages that wait", queues()),
        ("lag_ticks", "gauge", "ticks that a shard is behind the log", lags()),
    ]
    return "".join(_family(*family) for family in families)


def rows() -> Iterator[Sample]:
    for table, count in inserted().items():
        yield f'table="{table}"', count


def inserted() -> dict[str, int]:
    """PostgreSQL's own count of inserts: counting the rows would read them all."""
    with database.cursor() as cursor:
        cursor.execute("SELECT relname, n_tup_ins FROM pg_stat_user_tables WHERE relname = ANY(%s)", [list(TABLES)])
        return {TABLES[table]: count for table, count in cursor.fetchall()}


def queues() -> Iterator[Sample]:
    for queue in queue_names():
        yield f'queue="{queue}"', queue_length(queue)


def lags() -> Iterator[Sample]:
    """Of active markets, by their id: names are people's."""
    for shard in Shard.objects.filter(market__is_active=True):
        tail = MarketLog(connection(), shard.market_id).tail()
        yield (
            f'market="{shard.market_id}",shard="{shard.number}"',
            max(tail - seen_by(shard.market_id, shard.number), 0),
        )


def _family(name: str, kind: str, what: str, samples: Iterable[Sample]) -> str:
    lines = (f"alphapanda_{name}{{{labels}}} {value}\n" for labels, value in samples)
    return f"# HELP alphapanda_{name} {what}\n# TYPE alphapanda_{name} {kind}\n{''.join(lines)}"

"""Last prices as rows: what remains of a market when Redis is gone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import Max
from numpy.typing import NDArray

from alphapanda.statements import write
from trading.models import LastPrice

# Exact: a double holds microseconds since the epoch for centuries to come.
_SAVE = """
INSERT INTO trading_lastprice AS kept (market_id, instrument_id, tick, price, exchange_time)
SELECT %s, instrument, tick, price_e4 / 10000.0, 'epoch'::timestamptz + time * interval '1 microsecond'
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) AS given (instrument, price_e4, time, tick)
ON CONFLICT (market_id, instrument_id)
DO UPDATE SET tick = excluded.tick, price = excluded.price, exchange_time = excluded.exchange_time
WHERE kept.tick < excluded.tick
"""


def save(market: UUID, latest: NDArray[np.void]) -> None:
    """Records of `trading.ticks.LATEST`; what is saved already costs nothing."""
    write(_SAVE, [market, *(_array(latest[name]) for name in latest.dtype.names or ())])


def _array(column: NDArray[Any]) -> str:
    """PostgreSQL's text of an array: of 9,000 numbers in 1 ms, where the driver takes 20."""
    return "{" + ",".join(map(str, column.tolist())) + "}"


def saved_to(market: UUID) -> int:
    """The newest tick in the rows; 0 when there is none."""
    return LastPrice.objects.filter(market=market).aggregate(newest=Max("tick"))["newest"] or 0

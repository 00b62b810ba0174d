"""The ingest stage: one window of sequencing a market, for whoever gets the lease."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

from django.conf import settings

from alphapanda.connection import connection
from alphapanda.errors import InputError
from alphapanda.lease import new_token
from trading import models
from trading.feed.mock import SCENARIOS
from trading.feed.sources import MockSource, ReplaySource, Source
from trading.instrument import to_e4
from trading.log import MarketLog
from trading.reference import instrument_value
from trading.sequencer import Sequencer

MOCK_SYMBOLS = ("RELIANCE", "HDFCBANK", "ICICIBANK", "SBIN", "TCS")
Kind = models.Market.Kind


def ingest(market_id: UUID, seconds: float, appended: Callable[[], None]) -> bool:
    """Sequences a market for a window. Returns whether a successor makes sense at once: after a window, until a replay
    is through. From then on the sweep looks every second whether its log was lost; whoever looked all the time took
    a quarter of the CPU of what came behind.
    """
    market = models.Market.objects.filter(pk=market_id, is_active=True, fault="").first()
    market_log, token = MarketLog(connection(), market_id), new_token()
    if market is None or not market_log.acquire(token):
        return False
    try:
        return _work(market, market_log, token, seconds, appended)
    finally:
        market_log.release(token)


def _work(
    market: models.Market, market_log: MarketLog, token: str, seconds: float, appended: Callable[[], None]
) -> bool:
    """Returns whether there is more to come."""
    try:
        source = open_source(market)
    except InputError as error:
        models.Market.objects.filter(pk=market.pk).update(fault=str(error))
        raise
    with closing(source):
        sequencer = Sequencer(market, market_log, token)
        sequencer.work(source, seconds, appended)
        sequencer.finish(source)
        return not sequencer.is_through


def open_source(market: models.Market) -> Source:
    """Errors: InputError when the market's file is gone or its kind cannot be fed here."""
    match market.kind:
        case Kind.REPLAY:
            return ReplaySource(Path(market.spool), market.speed, market.pk)
        case Kind.MOCK:
            return _mock_source(market)
        case _:
            raise InputError(f"market {market.name}: there is no feed for kind {market.kind!r}")


def _mock_source(market: models.Market) -> MockSource:
    if settings.MOCK_SCENARIO not in SCENARIOS:
        raise InputError(f"MOCK_SCENARIO: {settings.MOCK_SCENARIO!r} is none of {', '.join(SCENARIOS)}")
    rows = models.Instrument.objects.filter(symbol__in=MOCK_SYMBOLS, exchange="NSE")
    last = market.last_prices.values_list("instrument__symbol", "price")
    return MockSource(
        [instrument_value(row) for row in rows],
        settings.MOCK_SCENARIO,
        {symbol: to_e4(price) for symbol, price in last},
    )

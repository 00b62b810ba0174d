"""Opening portfolios and saying what they are worth."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from time import time
from typing import Any, cast
from zlib import crc32

import msgspec
from django.conf import settings
from django.contrib.auth.models import User

from alphapanda.connection import connection, key
from alphapanda.errors import InputError
from alphapanda.events import PortfolioValued, envelope, publish
from alphapanda.money import money
from portfolio.models import EquityPoint, Portfolio
from portfolio.overview import Overview, overviews
from trading import models as trading

FRESH_SECONDS = 2.0
KEPT_SECONDS = 3_600


def open_portfolio(user: User, name: str, market: trading.Market, starting_cash: Decimal, **terms: Any) -> Portfolio:
    """A portfolio with default limits, in one market for life. Errors: InputError naming what is wrong."""
    if not starting_cash.is_finite() or starting_cash <= 0:
        raise InputError(f"starting_cash: must be above 0, got {starting_cash}")
    if Portfolio.objects.filter(user=user, name=name).exists():
        raise InputError(f"name: there is a portfolio {name!r} already")
    return Portfolio.objects.create(
        user=user,
        name=name,
        market=market,
        shard=shard_of(user, name),
        starting_cash=starting_cash,
        cash=starting_cash,
        peak_equity=starting_cash,
        **terms,
    )


def shard_of(user: User, name: str) -> int:
    """A stable hash: a portfolio stays in its shard for life."""
    return crc32(f"{user.pk}/{name}".encode()) % int(settings.STRATEGY_SHARDS)


def summary(portfolio: Portfolio) -> dict[str, Any]:
    """The portfolio as JSON; money is text with 6 decimals."""
    return cast("dict[str, Any]", _document(portfolio)["summary"])


def position_rows(portfolio: Portfolio) -> list[dict[str, Any]]:
    """Positions from the same valuation as the summary."""
    return cast("list[dict[str, Any]]", _document(portfolio)["positions"])


def is_due(portfolio_id: int) -> bool:
    """About once a second, whatever is traded, while a sweep will come again: a replay ends."""
    return _is_in_replay(portfolio_id) or not connection().exists(_mark(portfolio_id))


@lru_cache(maxsize=10_000)
def _is_in_replay(portfolio_id: int) -> bool:
    """A portfolio's market is for life, and so is that one's kind."""
    replayed = Portfolio.objects.filter(market__kind=trading.Market.Kind.REPLAY)
    return replayed.filter(pk=portfolio_id).exists()


def revalue(portfolio_id: int) -> dict[str, Any]:
    """Values a portfolio now and keeps the result in Redis, in the equity curve and as an event."""
    (overview,) = overviews([Portfolio.objects.get(pk=portfolio_id)])
    document = {"computed": time(), "summary": overview.summary(), "positions": overview.positions()}
    connection().set(_place(portfolio_id), msgspec.json.encode(document), ex=KEPT_SECONDS)
    _keep_point(overview)
    valued = overview.valuation
    amounts = {"equity": money(valued.equity), "cash": money(valued.cash), "net_pnl": money(valued.net_pnl)}
    event = PortfolioValued(portfolio_id=portfolio_id, **amounts)
    publish([envelope(event, "portfolio", portfolio_id)])
    connection().set(_mark(portfolio_id), 1, px=settings.VALUED_MS)  # last: a valuation that failed is due again
    return document


def _document(portfolio: Portfolio) -> dict[str, Any]:
    """The valuation in Redis while it is fresh, otherwise a new one."""
    cached = connection().get(_place(portfolio.pk))
    document = msgspec.json.decode(cached) if isinstance(cached, bytes) else None
    if document and time() - document["computed"] < FRESH_SECONDS:
        return cast("dict[str, Any]", document)
    return revalue(portfolio.pk)


def _keep_point(overview: Overview) -> None:
    """One point a minute: the last valuation in it."""
    valued = overview.valuation
    point = EquityPoint(
        portfolio=overview.portfolio,
        minute=datetime.now(UTC).replace(second=0, microsecond=0),
        tick=overview.portfolio.clock,
        equity=valued.equity,
        cash=valued.cash,
    )
    EquityPoint.objects.bulk_create(
        [point],
        update_conflicts=True,
        unique_fields=["portfolio", "minute"],
        update_fields=["tick", "equity", "cash"],
    )


def _mark(portfolio_id: int) -> str:
    return key("valued", portfolio_id)


def _place(portfolio_id: int) -> str:
    return key("valuation", portfolio_id)

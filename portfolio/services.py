"""Opening portfolios and saying what they are worth."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from time import time
from typing import Any, cast
from zlib import crc32

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection as database
from django.db import transaction

from alphapanda.connection import connection, key
from alphapanda.errors import InputError
from alphapanda.events import PortfolioValued, envelope, publish
from portfolio.models import EquityPoint, Portfolio, Position
from portfolio.position import Position as PositionValue
from portfolio.statement import Account, position_line, statement
from portfolio.valuation import Holding, Valuation, value
from trading import models as trading
from trading.instrument import from_e4, to_e4
from trading.log import LastPrice, MarketLog
from trading.session import microseconds

FRESH_SECONDS = 2.0
ZERO = Decimal(0)


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
    return cast("dict[str, Any]", _valued(portfolio)["summary"])


def position_rows(portfolio: Portfolio) -> list[dict[str, Any]]:
    """Positions from the same valuation as the summary."""
    return cast("list[dict[str, Any]]", _valued(portfolio)["positions"])


def _valued(portfolio: Portfolio) -> dict[str, Any]:
    """The valuation in Redis while it is fresh, otherwise a new one."""
    cached = connection().get(_cache(portfolio.pk))
    document = msgspec.json.decode(cached) if isinstance(cached, bytes) else None
    if document and time() - document["computed"] < FRESH_SECONDS:
        return cast("dict[str, Any]", document)
    return revalue(portfolio.pk)


def revalue(portfolio_id: int) -> dict[str, Any]:
    """Values a portfolio now and keeps the result in Redis, in the equity curve and as an event."""
    portfolio, rows = _snapshot(portfolio_id)
    prices = last_prices(portfolio.market_id, {row.instrument_id for row in rows})
    holdings = {row: Holding(_position(row), _price(row, prices)) for row in rows}
    valued = value(portfolio.starting_cash, portfolio.cash, holdings.values())
    as_of = max((price.time for price in prices.values()), default=None)
    document = {
        "computed": time(),
        "summary": statement(_account(portfolio), valued, portfolio.peak_equity, as_of),
        "positions": [_line(row, holding) for row, holding in holdings.items()],
    }
    connection().set(_cache(portfolio_id), msgspec.json.encode(document), ex=3_600)
    _keep_point(portfolio, valued)
    event = PortfolioValued(portfolio_id=portfolio_id, equity=valued.equity, cash=valued.cash, net_pnl=valued.net_pnl)
    publish([envelope(event, "portfolio", portfolio_id)])
    return document


def last_prices(market: Any, instruments: set[int]) -> dict[int, LastPrice]:
    """From Redis; what is missing there, from the rows saved about once a second."""
    found = MarketLog(connection(), market).last_prices(instruments)
    missing = instruments - set(found)
    if missing:
        for row in trading.LastPrice.objects.filter(market=market, instrument__in=missing):
            found[row.instrument_id] = LastPrice(to_e4(row.price), microseconds(row.exchange_time), row.tick)
    return found


def _snapshot(portfolio_id: int) -> tuple[Portfolio, list[Position]]:
    """Cash and positions of one moment."""
    with transaction.atomic():
        if not database.needs_rollback and not database.savepoint_ids:
            database.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        portfolio = Portfolio.objects.get(pk=portfolio_id)
        rows = Position.objects.filter(portfolio=portfolio).select_related("instrument", "strategy")
        return portfolio, list(rows.order_by("strategy__ordinal", "instrument__symbol"))


def _position(row: Position) -> PositionValue:
    return PositionValue(row.quantity, row.cost, row.realised, row.charges, row.instrument.multiplier)


def _price(row: Position, prices: dict[int, LastPrice]) -> Decimal:
    """The last price, or the mark of the last fill."""
    price = prices.get(row.instrument_id)
    return from_e4(price.price_e4) if price else row.mark or ZERO


def _account(portfolio: Portfolio) -> Account:
    return Account(portfolio.pk, portfolio.name, portfolio.mode, portfolio.currency)


def _line(row: Position, holding: Holding) -> dict[str, Any]:
    whose = {"strategy": row.strategy_id, "strategy_name": row.strategy.name, "symbol": row.instrument.symbol}
    return {**whose, **position_line(holding)}


def _keep_point(portfolio: Portfolio, valued: Valuation) -> None:
    """One point a minute: the last valuation in it."""
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    EquityPoint.objects.bulk_create(
        [
            EquityPoint(
                portfolio=portfolio,
                minute=minute,
                tick=portfolio.clock,
                equity=valued.equity,
                cash=valued.cash,
            )
        ],
        update_conflicts=True,
        unique_fields=["portfolio", "minute"],
        update_fields=["tick", "equity", "cash"],
    )


def _cache(portfolio_id: int) -> str:
    return key("valuation", portfolio_id)

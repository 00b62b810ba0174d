"""Many portfolios at once, in as many queries as one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from alphapanda.connection import connection
from portfolio.models import Portfolio, Position
from portfolio.position import Position as PositionValue
from portfolio.statement import Account, statement
from portfolio.valuation import Holding, value
from trading import models as trading
from trading.instrument import from_e4, to_e4
from trading.log import LastPrice, MarketLog
from trading.session import microseconds

Prices = dict[tuple[UUID, int], LastPrice]


def summaries(portfolios: Sequence[Portfolio]) -> list[dict[str, Any]]:
    """What each is worth now; one statement reads cash and positions, so that they belong together."""
    held: dict[int, list[Position]] = defaultdict(list)
    rows = Position.objects.filter(portfolio__in=portfolios).select_related("portfolio", "instrument")
    for row in rows:
        held[row.portfolio_id].append(row)
    prices = _prices(row for rows in held.values() for row in rows)
    return [_summary(held[p.pk][0].portfolio if held[p.pk] else p, held[p.pk], prices) for p in portfolios]


def _summary(portfolio: Portfolio, rows: list[Position], prices: Prices) -> dict[str, Any]:
    found = {row.pk: prices.get((portfolio.market_id, row.instrument_id)) for row in rows}
    holdings = [Holding(_value(row), _price(row, found[row.pk])) for row in rows]
    account = Account(portfolio.pk, portfolio.name, portfolio.mode, portfolio.currency)
    as_of = max((price.time for price in found.values() if price), default=None)
    return statement(account, value(portfolio.starting_cash, portfolio.cash, holdings), portfolio.peak_equity, as_of)


def _prices(rows: Iterable[Position]) -> Prices:
    """From Redis; those of markets that are gone from there, from the rows saved of them."""
    wanted: dict[UUID, set[int]] = defaultdict(set)
    for row in rows:
        wanted[row.portfolio.market_id].add(row.instrument_id)
    found = {
        (market, instrument): price
        for market, instruments in wanted.items()
        for instrument, price in MarketLog(connection(), market).last_prices(instruments).items()
    }
    cold = [market for market, ids in wanted.items() if any((market, i) not in found for i in ids)]
    return {**_saved(cold), **found}


def _saved(markets: list[UUID]) -> Prices:
    rows = trading.LastPrice.objects.filter(market__in=markets) if markets else ()
    return {
        (row.market_id, row.instrument_id): LastPrice(to_e4(row.price), microseconds(row.exchange_time), row.tick)
        for row in rows
    }


def _price(row: Position, price: LastPrice | None) -> Decimal:
    return from_e4(price.price_e4) if price else row.mark or Decimal(0)


def _value(row: Position) -> PositionValue:
    return PositionValue(row.quantity, row.cost, row.realised, row.charges, row.instrument.multiplier)

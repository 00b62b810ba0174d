"""What portfolios are worth now: one or many at once, in the same few queries.

Cash and positions come from one statement, so that they belong to one moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from alphapanda.connection import connection
from portfolio.models import Portfolio, Position
from portfolio.position import Position as PositionValue
from portfolio.statement import Account, position_line, statement
from portfolio.valuation import Holding, Valuation, value
from trading import models as trading
from trading.instrument import from_e4, to_e4
from trading.log import LastPrice, MarketLog
from trading.session import microseconds

Prices = dict[tuple[UUID, int], LastPrice]


@dataclass(frozen=True, slots=True)
class Overview:
    """A portfolio with its positions at last prices; `as_of` is the newest of their times, microseconds."""

    portfolio: Portfolio
    holdings: list[tuple[Position, Holding]] = field(default_factory=list)
    as_of: int | None = None

    @property
    def valuation(self) -> Valuation:
        held = [holding for _, holding in self.holdings]
        return value(self.portfolio.starting_cash, self.portfolio.cash, held)

    def summary(self) -> dict[str, Any]:
        """The portfolio as JSON."""
        p = self.portfolio
        return statement(Account(p.pk, p.name, p.mode, p.currency), self.valuation, p.peak_equity, self.as_of)

    def positions(self) -> list[dict[str, Any]]:
        """Its positions as JSON."""
        return [{**_whose(row), **position_line(holding)} for row, holding in self.holdings]


def overviews(portfolios: Sequence[Portfolio]) -> list[Overview]:
    """In the order given."""
    held: dict[int, list[Position]] = defaultdict(list)
    rows = Position.objects.filter(portfolio__in=portfolios).select_related("portfolio", "instrument", "strategy")
    for row in rows.order_by("strategy__ordinal", "instrument__symbol"):
        held[row.portfolio_id].append(row)
    prices = last_prices(row for rows in held.values() for row in rows)
    return [_overview(portfolio, held[portfolio.pk], prices) for portfolio in portfolios]


def last_prices(rows: Iterable[Position]) -> Prices:
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


def _overview(portfolio: Portfolio, rows: list[Position], prices: Prices) -> Overview:
    """A position whose instrument has no last price counts at the mark of its last fill."""
    current = rows[0].portfolio if rows else portfolio
    found = [prices.get((current.market_id, row.instrument_id)) for row in rows]
    marks = [from_e4(p.price_e4) if p else row.mark or Decimal(0) for row, p in zip(rows, found, strict=True)]
    holdings = [(row, Holding(_value(row), mark)) for row, mark in zip(rows, marks, strict=True)]
    return Overview(current, holdings, max((p.time for p in found if p), default=None))


def _value(row: Position) -> PositionValue:
    return PositionValue(row.quantity, row.cost, row.realised, row.charges, row.instrument.multiplier)


def _whose(row: Position) -> dict[str, Any]:
    return {"strategy": row.strategy_id, "strategy_name": row.strategy.name, "symbol": row.instrument.symbol}

"""What portfolios are worth now: one or many at once, in the same few queries.

Cash and positions come from one statement, so that they belong to one moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from alphapanda.connection import connection
from alphapanda.prepared import prepared
from alphapanda.statements import ask
from portfolio import models
from portfolio.models import Portfolio
from portfolio.position import Position
from portfolio.statement import Account, position_line, statement
from portfolio.valuation import Holding, Valuation, value
from trading import models as trading
from trading.instrument import from_e4, to_e4
from trading.log import LastPrice, MarketLog
from trading.session import microseconds

Prices = dict[tuple[UUID, int], LastPrice]  # by market and instrument
_COLUMNS = (
    "portfolio",
    "portfolio__cash",
    "portfolio__peak_equity",
    "portfolio__clock",
    "strategy",
    "strategy__name",
    "instrument",
    "instrument__symbol",
    "instrument__multiplier",
    "mark",
    "quantity",
    "cost",
    "realised",
    "charges",
)


class Held(NamedTuple):
    """A position's row with what belongs to it, a field for each of the columns: as models, hundreds of them take ten
    times as long, and a portfolio that trades is valued every second.
    """

    portfolio: int
    cash: Decimal
    peak_equity: Decimal
    clock: int
    strategy: int
    strategy_name: str
    instrument: int
    symbol: str
    multiplier: int
    mark: Decimal | None
    quantity: int
    cost: Decimal
    realised: Decimal
    charges: Decimal

    @property
    def whose(self) -> dict[str, Any]:
        return {"strategy": self.strategy, "strategy_name": self.strategy_name, "symbol": self.symbol}

    @property
    def position(self) -> Position:
        return Position(self.quantity, self.cost, self.realised, self.charges, self.multiplier)


@dataclass(frozen=True)
class Overview:
    """A portfolio with its positions at last prices; `as_of` is the newest of their times, microseconds."""

    portfolio: Portfolio
    holdings: list[tuple[Held, Holding]] = field(default_factory=list)
    as_of: int | None = None

    @cached_property
    def valuation(self) -> Valuation:
        held = [holding for _, holding in self.holdings]
        return value(self.portfolio.starting_cash, self.portfolio.cash, held)

    def summary(self) -> dict[str, Any]:
        """The portfolio as JSON."""
        p = self.portfolio
        return statement(Account(p.pk, p.name, p.mode, p.currency), self.valuation, p.peak_equity, self.as_of)

    def positions(self) -> list[dict[str, Any]]:
        """Its positions as JSON."""
        return [{**row.whose, **position_line(holding)} for row, holding in self.holdings]


def overview_of(portfolio: int) -> Overview:
    """Of one, in one trip to PostgreSQL. Errors: Portfolio.DoesNotExist."""
    portfolios, rows = _portfolio.later(portfolio), _held.later(portfolio)
    ask(portfolios, rows)
    if not portfolios.rows:
        raise Portfolio.DoesNotExist(f"there is no portfolio {portfolio}")
    return _overviews(portfolios.rows, rows.rows)[0]


def overviews(portfolios: Sequence[Portfolio]) -> list[Overview]:
    """In the order given; cash, peak and clock of each become those of the moment."""
    return _overviews(portfolios, _positions().filter(portfolio__in=portfolios))


def _overviews(portfolios: Sequence[Portfolio], rows: Iterable[tuple[Any, ...]]) -> list[Overview]:
    held: dict[int, list[Held]] = defaultdict(list)
    for row in map(Held._make, rows):
        held[row.portfolio].append(row)
    prices = last_prices((p.market_id, row.instrument) for p in portfolios for row in held[p.pk])
    return [_overview(portfolio, held[portfolio.pk], prices) for portfolio in portfolios]


def _positions() -> QuerySet[models.Position, tuple[Any, ...]]:
    return models.Position.objects.order_by("strategy__ordinal", "instrument__symbol").values_list(*_COLUMNS)


@prepared
def _portfolio(portfolio: int) -> QuerySet[Portfolio]:
    return Portfolio.objects.filter(pk=portfolio)


@prepared
def _held(portfolio: int) -> QuerySet[models.Position, tuple[Any, ...]]:
    return _positions().filter(portfolio=portfolio)


def last_prices(instruments: Iterable[tuple[UUID, int]]) -> Prices:
    """From Redis; those of markets that are gone from there, from the rows saved of them."""
    wanted: dict[UUID, set[int]] = defaultdict(set)
    for market, instrument in instruments:
        wanted[market].add(instrument)
    found = {
        (market, instrument): price
        for market, ids in wanted.items()
        for instrument, price in MarketLog(connection(), market).last_prices(ids).items()
    }
    cold = [market for market, ids in wanted.items() if any((market, i) not in found for i in ids)]
    return {**_saved(cold), **found}


def _saved(markets: list[UUID]) -> Prices:
    rows = trading.LastPrice.objects.filter(market__in=markets) if markets else ()
    return {
        (row.market_id, row.instrument_id): LastPrice(to_e4(row.price), microseconds(row.exchange_time), row.tick)
        for row in rows
    }


def _overview(portfolio: Portfolio, rows: list[Held], prices: Prices) -> Overview:
    """A position whose instrument has no last price counts at the mark of its last fill."""
    for row in rows[:1]:
        portfolio.cash, portfolio.peak_equity, portfolio.clock = row.cash, row.peak_equity, row.clock
    found = [prices.get((portfolio.market_id, row.instrument)) for row in rows]
    marks = [from_e4(p.price_e4) if p else row.mark or Decimal(0) for row, p in zip(rows, found, strict=True)]
    holdings = [(row, Holding(row.position, mark)) for row, mark in zip(rows, marks, strict=True)]
    return Overview(portfolio, holdings, max((p.time for p in found if p), default=None))

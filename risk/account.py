"""A portfolio as it stands now, for looking at its limits; nothing waits for it and it writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from alphapanda.money import money
from portfolio.models import Portfolio
from portfolio.overview import last_prices
from risk import past
from risk.limit_services import scopes_of
from risk.limits import LIMIT_NAMES
from risk.scopes import Scope, is_set
from risk.usage import Account, Usage, nearest_first
from strategies.models import Signal
from trading.bookkeeping import OpenBook, open_book
from trading.reference import INSTRUMENTS
from trading.session import aware, india_date, microseconds


def limits_usage(portfolio: Portfolio) -> dict[str, Any]:
    """How near its limits a portfolio is, and what its limits are, as JSON."""
    opened, scopes = open_book(portfolio), scopes_of(portfolio)
    account = account_now(opened)
    used = nearest_first(usage for scope in scopes for usage in account.usages(scope))
    return {
        "portfolio": portfolio.pk,
        "as_of": aware(account.time),
        "trade_date": india_date(account.time),
        "usage": [_usage(usage, opened) for usage in used],
        "limits": [_limits(scope, opened) for scope in scopes],
    }


def account_now(opened: OpenBook) -> Account:
    book, portfolio = opened.book, opened.portfolio
    ids = {held for _, held in book.positions} | {order.instrument.id for order in book.working}
    prices = last_prices((portfolio.market_id, instrument) for instrument in ids)
    marks = {instrument: price.price_e4 for (_, instrument), price in prices.items()}
    time = _market_time(portfolio, (price.time for price in prices.values()))
    known = {pk: INSTRUMENTS[pk] for pk in sorted(ids)}
    counted, more_orders = past.counted(opened, past.counts(opened.portfolio.pk, [india_date(time)]).answered())
    trades = dict.fromkeys(opened.ids, 0) | {ordinal: count for (ordinal, _), count in counted.items()}
    return Account(book, known, marks, time, trades, sum(trades.values()) + sum(more_orders.values()))


def _market_time(portfolio: Portfolio, known: Iterable[int]) -> int:
    """That of the newest price or signal; the wall's while there is none."""
    last = Signal.objects.filter(portfolio=portfolio).order_by("-tick").values_list("exchange_time", flat=True).first()
    times = [*known, *([microseconds(last)] if last else [])]
    return max(times, default=microseconds(datetime.now(UTC)))


def _usage(usage: Usage, opened: OpenBook) -> dict[str, Any]:
    return {
        "limit": usage.limit,
        "used": money(usage.used),
        "bound": money(usage.bound),
        "fraction": None if usage.fraction is None else str(usage.fraction),
        "scope": usage.scope,
        "version": usage.version,
        "strategy": None if usage.strategy is None else opened.ids[usage.strategy],
        "symbol": usage.symbol,
    }


def _limits(scope: Scope, opened: OpenBook) -> dict[str, Any]:
    """A scope with what it limits; the rest is left out."""
    return {
        "scope": scope.kind,
        "version": scope.version,
        "strategy": None if scope.strategy is None else opened.ids[scope.strategy],
        "symbol": scope.symbol,
        "limits": {name: getattr(scope.limits, name) for name in LIMIT_NAMES if is_set(scope.limits, name)},
    }

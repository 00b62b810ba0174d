"""Opening portfolios and saying what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from time import time
from typing import Any, cast
from zlib import crc32

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from alphapanda.connection import Command, connection, gathered, key, replies, tell
from alphapanda.errors import InputError
from alphapanda.events import PortfolioValued, envelope, publish
from alphapanda.money import money
from alphapanda.statements import together, write
from portfolio.models import Portfolio
from portfolio.overview import Overview, overview_of, overviews
from trading import models as trading
from trading.awaited import has_ended, hint_of, is_end
from trading.markets import is_replay

FRESH_SECONDS = 2.0
KEPT_SECONDS = 3_600
_KEEP_POINT = """
INSERT INTO portfolio_equitypoint (portfolio_id, minute, tick, equity, cash) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (portfolio_id, minute) DO UPDATE SET tick = excluded.tick, equity = excluded.equity, cash = excluded.cash
"""


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
    """Positions, from a valuation that is then the summary's too."""
    document = _document(portfolio)
    if "positions" not in document:
        document = revalue(portfolio.pk, with_positions=True)
    return cast("list[dict[str, Any]]", document["positions"])


def due(portfolio_ids: Sequence[int]) -> list[int]:
    """Those to value now: about once a second, whatever is traded, and once at the end of a replay."""
    answers, count = replies(*map(when_valued, portfolio_ids), *map(hint_of, portfolio_ids)), len(portfolio_ids)
    known = zip(portfolio_ids, answers[:count], answers[count:], strict=True)
    return [one for one, valued, hint in known if not is_fresh(one, valued, hint)]


def is_fresh(portfolio_id: int, valued: bytes | None, hint: bytes | None) -> bool:
    """Whether it was valued a moment ago, at this clock, and the sweep comes again or need not: a replay has ended."""
    return valued is not None and (is_end(portfolio_id, int(valued)) or not has_ended(portfolio_id, hint))


def when_valued(portfolio_id: int) -> Command:
    """At which clock it was a moment ago, or at the end of its replay."""
    return lambda redis: redis.get(_mark(portfolio_id))


def revalue(portfolio_id: int, *, with_positions: bool = False) -> dict[str, Any]:
    """Values a portfolio now and keeps the result in Redis, in the equity curve and as an event. Its positions are
    written out for those who look at them: once a second for nobody they would take as long as all else.
    """
    overview = overview_of(portfolio_id)
    document = {"computed": time(), "summary": overview.summary()}
    if with_positions:
        document["positions"] = overview.positions()
    _keep_points([overview])
    _tell(overview, document)
    return document


def revalue_all(portfolio_ids: Sequence[int]) -> None:
    """The same for several together, in little more than half of the time."""
    valued = overviews(list(Portfolio.objects.filter(pk__in=portfolio_ids).order_by("pk")))
    _keep_points(valued)
    with gathered():
        for overview in valued:
            _tell(overview, {"computed": time(), "summary": overview.summary()})


def _tell(overview: Overview, document: dict[str, Any]) -> None:
    portfolio, valued = overview.portfolio, overview.valuation
    amounts = {"equity": money(valued.equity), "cash": money(valued.cash), "net_pnl": money(valued.net_pnl)}
    event = PortfolioValued(portfolio_id=portfolio.pk, **amounts)
    with gathered():
        tell(lambda redis: redis.set(_place(portfolio.pk), msgspec.json.encode(document), ex=KEPT_SECONDS))
        publish([envelope(event, "portfolio", portfolio.pk)])
        _note_valued(portfolio.pk, portfolio.clock)  # last: a valuation that failed is due again


def _note_valued(portfolio_id: int, clock: int) -> None:
    life = KEPT_SECONDS * 1_000 if is_end(portfolio_id, clock) else settings.VALUED_MS
    tell(lambda redis: redis.set(_mark(portfolio_id), clock, px=life))


def _document(portfolio: Portfolio) -> dict[str, Any]:
    """The valuation in Redis while it is fresh, otherwise a new one."""
    cached = connection().get(_place(portfolio.pk))
    document = msgspec.json.decode(cached) if isinstance(cached, bytes) else None
    if document and time() - document["computed"] < FRESH_SECONDS:
        return cast("dict[str, Any]", document)
    return revalue(portfolio.pk)


def _keep_points(valued: Sequence[Overview]) -> None:
    """One point a minute: the last valuation in it. A live one does not wait for the disk: what a crash of PostgreSQL
    takes is worked out again a second later.
    """
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    with transaction.atomic(), together(is_last=True):
        if not any(is_replay(overview.portfolio.market_id) for overview in valued):
            write("SET LOCAL synchronous_commit = off", [])
        for portfolio, of in ((overview.portfolio, overview.valuation) for overview in valued):
            write(_KEEP_POINT, [portfolio.pk, minute, portfolio.clock, of.equity, of.cash])


def _mark(portfolio_id: int) -> str:
    return key("valued", portfolio_id)


def _place(portfolio_id: int) -> str:
    return key("valuation", portfolio_id)

"""A replay: files into a spool, a market and a portfolio of its own, and what the ledger says in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from msgspec import structs

from alphapanda.audit import ledger_hash
from alphapanda.errors import InputError, StuckError
from alphapanda.exits_file import check_symbols
from alphapanda.reference import reference_hash
from alphapanda.trial import Trial
from portfolio.models import Portfolio
from portfolio.services import open_portfolio, revalue, shard_of
from risk.exit_services import change_exits
from risk.exits import Exits
from risk.limit_services import Whose, change, default_limits
from risk.models import Decision
from strategies.models import Signal, Strategy
from strategies.services import checked, create_strategy, start
from trading.catalogue import Catalogue
from trading.feed.replay import Refusals, accepted_ticks
from trading.feed.spool import write_spool
from trading.instrument import Instrument as InstrumentValue
from trading.markets import open_market
from trading.models import ChargeRate, Fill, Instrument, Market
from trading.progress import low_mark
from trading.reference import exchange_of, instrument_value, rates_value

LOOK_SECONDS = 0.05
MOST_NAME = 100  # the market's name is a little longer
STUCK_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose portfolio a replay makes, and how it goes through its ticks."""

    user: str
    portfolio: str
    speed: float
    is_lockstep: bool


class StoredCatalogue(Catalogue):
    """The instruments of the database; an unknown symbol gets a row."""

    @classmethod
    def read(cls) -> StoredCatalogue:
        return cls(instrument_value(row) for row in Instrument.objects.order_by("pk"))

    def _made(self, name: str | int, tick_size: Decimal) -> InstrumentValue:
        known = {"symbol": str(name), "exchange": "NSE"}
        row, _ = Instrument.objects.get_or_create(**known, defaults={"tick_size": tick_size})
        return instrument_value(row)


def prepare(trial: Trial, wish: Wish, refusals: Refusals) -> Portfolio:
    """Everything that a replay needs; its market is active from the commit on. Errors: InputError."""
    user = _user(wish.user)
    _check_free(user, wish.portfolio)
    for name, given in trial.strategies:
        checked(name, given)
    spool, ticks = _spool(trial, refusals)
    with transaction.atomic():
        market = open_market(
            f"replay {wish.portfolio} {spool.stem[:8]}",
            Market.Kind.REPLAY,
            shards=[shard_of(user, wish.portfolio)],
            spool=str(spool),
            last_tick=ticks,
            speed=wish.speed,
            is_lockstep=wish.is_lockstep,
        )
        return _portfolio(user, wish.portfolio, market, trial)


def _user(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise InputError(f"--user: there is no user {name!r}")
    return user


def _check_free(user: User, name: str) -> None:
    if not 1 <= len(name) <= MOST_NAME:
        raise InputError(f"--portfolio: a name has 1 to {MOST_NAME} characters")
    if Portfolio.objects.filter(user=user, name=name).exists():
        raise InputError(f"--portfolio: {name!r} exists already and belongs to its market for life: take another name")


def _spool(trial: Trial, refusals: Refusals) -> tuple[Path, int]:
    """The accepted ticks as one file. Errors: InputError when there are none."""
    folder = settings.ALPHAPANDA_HOME / "replays"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid4().hex}.ticks"
    ticks = accepted_ticks(trial.files, StoredCatalogue.read(), trial.tick_size, refusals)
    count = write_spool(path, ticks)
    if not count:
        path.unlink()
        raise InputError(f"no tick could be read from {', '.join(map(str, trial.files))}: {dict(refusals.counts)}")
    return path, count


def _portfolio(user: User, name: str, market: Market, trial: Trial) -> Portfolio:
    portfolio = open_portfolio(
        user, name, market, trial.cash, slippage_bps=trial.slippage_bps, latency_ms=trial.latency_ms
    )
    strategies = [
        create_strategy(portfolio, f"{ordinal} {type_name}", type_name, given)
        for ordinal, (type_name, given) in enumerate(trial.strategies)
    ]
    if trial.limits:
        limit(portfolio, strategies, trial)
    for strategy in strategies:
        start(strategy)
    _give_exits(portfolio, strategies, trial.exits)
    return portfolio


def limit(portfolio: Portfolio, strategies: list[Strategy], trial: Trial) -> None:
    """Gives it the limits of a file. Errors: InputError naming what is not there, or cannot be said of one replay."""
    assert trial.limits
    if trial.limits.user:
        raise InputError("--limits: user: in a replay these are the person's own, set in the admin or by the API")
    trial.limits.check_symbols(StoredCatalogue.read())
    for scope in trial.limits.scopes([name for name, _ in trial.strategies]):
        strategy = None if scope.strategy is None else strategies[scope.strategy]
        instrument = Instrument.objects.filter(symbol=scope.symbol).first() if scope.symbol else None
        change(Whose(None, portfolio, strategy, instrument), structs.asdict(scope.limits))


def _give_exits(portfolio: Portfolio, strategies: list[Strategy], exits: Exits) -> None:
    """Errors: InputError naming an instrument that is not there."""
    check_symbols(exits, StoredCatalogue.read())
    for scope, rules in exits.rules:
        strategy = None if scope.strategy is None else strategies[scope.strategy]
        instrument = Instrument.objects.filter(symbol=scope.symbol).first() if scope.symbol else None
        values = asdict(rules) | {"breach_state": exits.breach_state}
        if rules.is_on:
            change_exits(portfolio, values, None, strategy, instrument)


def wait(market_id: UUID, show: Callable[[int, int | None], None]) -> None:
    """Until the replay is drained, also over outages. Errors: StuckError when nothing moves any more."""
    moved_at, place = monotonic(), -1
    while (market := _market(market_id)) is None or market.is_active:
        if market and market.fault:
            raise StuckError(f"the replay stopped: {market.fault}")
        if market and (now := low_mark(market_id)) != place:
            moved_at, place = monotonic(), now
            show(place, market.last_tick)
        if monotonic() - moved_at > _patience(market):
            raise StuckError(f"nothing has moved for a long time at tick {place}; ask manage.py doctor")
        sleep(LOOK_SECONDS)


def _market(market_id: UUID) -> Market | None:
    """None while the database is away."""
    try:
        return Market.objects.get(pk=market_id)
    except DatabaseError:
        connection.close()
        return None


def _patience(market: Market | None) -> float:
    """A paced replay stands still between ticks that are up to a minute apart."""
    return STUCK_SECONDS + (60 / market.speed if market and market.speed else 0)


def summary(portfolio: Portfolio, refusals: Refusals, seconds: float) -> dict[str, Any]:
    """The last line of the command."""
    market = Market.objects.get(pk=portfolio.market_id)
    whose = {"portfolio": portfolio}
    return {
        "portfolio": portfolio.name,
        "ticks": market.last_tick,
        "refused": dict(refusals.counts),
        "signals": Signal.objects.filter(**whose).count(),
        "decisions": Decision.objects.filter(**whose).count(),
        "fills": Fill.objects.filter(**whose).count(),
        "final": revalue(portfolio.pk)["summary"],
        "ledger_hash": ledger_hash(portfolio),
        "reference_hash": _reference_hash(market),
        "seconds": round(seconds, 3),
    }


def _reference_hash(market: Market) -> str:
    """Over the instruments that the files had, so that it can be held against a backtest's."""
    rows = Instrument.objects.filter(pk__in=market.last_prices.values("instrument"))
    rates = [rates_value(row) for row in ChargeRate.objects.all()]
    exchange = exchange_of([row.pk for row in rows])
    return reference_hash([instrument_value(row) for row in rows], rates, default_limits(), exchange)

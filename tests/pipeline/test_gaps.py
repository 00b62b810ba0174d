"""A reader that is too slow for a live log has a recorded gap of its own; a replay waits instead."""

from decimal import Decimal
from time import monotonic

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.db import transaction

from alphapanda.connection import connection, key
from alphapanda.management.commands.seed import seed_reference
from portfolio.models import EquityPoint, Portfolio
from portfolio.services import open_portfolio, revalue, revalue_all
from strategies import evaluation
from strategies.base import Strategy
from strategies.loading import take_over
from strategies.models import Control, Signal, StrategyState
from strategies.moved import Behind
from strategies.saving import save_round
from strategies.services import create_strategy, start
from trading.bookkeeping import open_book, ticks_for
from trading.gaps import note_gap
from trading.ingest import ingest
from trading.log import MarketLog
from trading.markets import is_replay, open_market
from trading.models import Gap, Market
from trading.reference import INSTRUMENTS
from trading.services import move

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def market(redis, settings) -> Market:
    settings.LOG_BATCH_TICKS = 5
    seed_reference()
    return open_market("mock", Market.Kind.MOCK)


@pytest.fixture
def log(redis, market) -> MarketLog:
    """With some ticks, of which the first are gone."""
    log = MarketLog(redis, market.pk)
    while len(log.read(0)) < 4:
        ingest(market.pk, 0.4, lambda: None)
    redis.xtrim(log._stream, minid=log.read(0)[2].last, approximate=False)
    return log


def gaps() -> list[tuple[int, int, str]]:
    return list(Gap.objects.order_by("reader").values_list("first", "last", "reader"))


def ticked(log: MarketLog) -> set[int]:
    return set(log.last_prices())


def evaluate(market: Market) -> None:
    evaluation.evaluate(market.pk, 0, 0, Behind(lambda _: None))


def test_shard_that_was_too_slow_has_a_gap_of_its_own(market, log):
    evaluate(market)
    assert gaps() == [(1, log.first() - 1, "shard 0")]
    evaluation._held.clear()
    evaluate(market)
    assert len(gaps()) == 1


def test_gap_of_the_feed_is_nobodys_fault(market, log):
    note_gap(market.pk, 1, log.first() - 1, "new_holder")
    evaluate(market)
    assert [reader for *_, reader in gaps()] == [""]


def test_order_that_missed_ticks_has_a_gap_of_its_portfolio(market, log):
    owner = User.objects.create_user("asha")
    opened = open_book(open_portfolio(owner, "late", market, Decimal(1_000_000)))
    first, *_ = ticks_for(opened, 0, log.tail(), ticked(log))
    assert gaps() == [(1, first.first - 1, f"portfolio {opened.portfolio.pk}")]


def test_the_end_of_a_log_that_redis_has_lost_is_a_gap(market, log, redis):
    """Whoever waits for an instrument whose last price is older, too, would pass over it and say nothing."""
    evaluate(market)
    names = [key(name, market.pk) for name in ("log", "last")]
    older, end = {name: redis.dump(name) for name in names}, log.tail()
    ingest(market.pk, 0.4, lambda: None)
    evaluate(market)
    lost = log.tail()
    for name, data in older.items():
        redis.restore(name, 0, data, replace=True)
    ingest(market.pk, 0.4, lambda: None)
    assert end < lost
    assert (end + 1, lost, "slow readers") in gaps()


def test_log_that_was_lost_whole_is_a_gap_up_to_where_it_was_to_be_read(market, log, redis):
    opened = open_book(open_portfolio(User.objects.create_user("asha"), "late", market, Decimal(1_000_000)))
    until, watched = log.tail(), ticked(log)
    redis.flushdb()
    assert (list(ticks_for(opened, 0, until, watched)), gaps()[0][:2]) == ([], (1, until))


def test_a_live_log_is_only_read_for_instruments_that_have_ticked(market, log):
    opened = open_book(open_portfolio(User.objects.create_user("asha"), "p", market, Decimal(1_000_000)))
    before, last = log.tail() - 1, {instrument: price.tick for instrument, price in log.last_prices().items()}
    quiet, *_, busy = sorted(last, key=last.__getitem__)
    assert not list(ticks_for(opened, before, log.tail(), {quiet}))
    for watched in ({busy}, {quiet, busy}, {quiet, max(last) + 1}):
        (batch,) = ticks_for(opened, before, log.tail(), watched)
        assert (batch.first, len(batch)) == (before + 1, 1)
    Market.objects.filter(pk=market.pk).update(kind=Market.Kind.REPLAY)
    is_replay.cache_clear()
    assert list(ticks_for(opened, before, log.tail(), {quiet}))


def test_no_more_of_a_log_is_read_than_is_needed(market, log):
    """A replay is read ahead by 200 entries: each matching took a hundred of them, for a tick or two."""
    first, second, *_ = log.read(0)
    assert [entry.last for entry in log._up_to(first.first - 1, first.last)] == [first.last]
    assert [entry.last for entry in log._up_to(second.first - 1, second.last - 1)] == [second.last]
    ticks = [t for batch in log.between(first.first - 1, second.last, INSTRUMENTS) for t in batch]
    assert [tick.number for tick in ticks] == list(range(first.first, second.last + 1))


@pytest.mark.parametrize(("kind", "expected"), [(Market.Kind.MOCK, "off"), (Market.Kind.REPLAY, "on")])
@pytest.mark.parametrize(
    ("work", "clock", "points"),
    [
        (lambda p: move(open_book(p), 5), 5, 0),
        (lambda p: revalue(p.pk), 0, 1),
        (lambda p: revalue_all([p.pk]), 0, 1),
        (lambda p: save_all(take_over(p.market_id, p.shard, MarketLog(connection(), p.market_id))), 0, 0),
    ],
)
def test_only_clock_worth_and_states_of_a_live_market_may_be_lost(market, kind, expected, work, clock, points):
    owner, _ = User.objects.get_or_create(username="asha")
    portfolio = open_portfolio(owner, "p", open_market("another", kind), Decimal(1_000))
    with transaction.atomic(), transaction.atomic(), database.cursor() as cursor:  # inside another, nothing ends
        cursor.execute("SET LOCAL synchronous_commit = on")
        work(portfolio)
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == (expected,)
    assert (Portfolio.objects.get().clock, EquityPoint.objects.count()) == (clock, points)


def test_a_replay_that_is_valued_with_others_is_on_the_disk(market):
    owner = User.objects.create_user("asha")
    kinds = (Market.Kind.MOCK, Market.Kind.REPLAY)
    both = [open_portfolio(owner, kind, open_market(f"another {kind}", kind), Decimal(1_000)) for kind in kinds]
    with transaction.atomic(), transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
        revalue_all([portfolio.pk for portfolio in both])
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)


def save_all(shard, *, may_be_lost=True):
    shard.begin_round()
    save_round(shard, may_be_lost=may_be_lost)


def test_states_that_nobody_saves_again_are_on_the_disk(market, redis, settings):
    """What a control ends would keep an older target when PostgreSQL crashes then, and be started again from that."""
    settings.SHARD_SAVE_SECONDS = 1e6
    portfolio = open_portfolio(User.objects.create_user("asha"), "p", market, Decimal(1_000))
    strategy = create_strategy(portfolio, "m", "momentum", {}, [])
    start(strategy)
    log = MarketLog(redis, market.pk)
    while not log.tail():
        ingest(market.pk, 0.4, lambda: None)
    shard = take_over(market.pk, portfolio.shard, log)
    (control,) = shard.pending
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
        while shard.pending:
            evaluation._step(shard, log, monotonic() + 5, Behind(lambda _: None))
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)
    assert control.strategy_id in dict(shard.runners())


class NotKept(Strategy):
    """Has a state that cannot be kept once there was a tick."""

    has_ticked = False

    def on_tick(self, _tick):
        self.has_ticked = True

    def dump(self):
        if self.has_ticked:
            raise ValueError("cannot be kept")
        return super().dump()


def test_that_a_state_breaks_is_on_the_disk_before_anyone_hears_of_it(market, redis, settings):
    settings.USER_STRATEGIES = [f"{__name__}.NotKept"]
    portfolio = open_portfolio(User.objects.create_user("asha"), "p", market, Decimal(1_000))
    strategy = create_strategy(portfolio, "odd", "not_kept", {}, [])
    start(strategy)
    log = MarketLog(redis, market.pk)
    while not log.tail():
        ingest(market.pk, 0.4, lambda: None)
    shard = take_over(market.pk, portfolio.shard, log)
    shard.apply(shard.pending[0], None)
    shard.main.evaluate(log.read(0)[0].ticks(INSTRUMENTS))
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
        save_all(shard)
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)
    assert strategy.controls.filter(kind=Control.Kind.QUARANTINE).exists()


class WantsTen(Strategy):
    """Of every instrument, once."""

    def on_tick(self, _tick):
        return None if self.target else 10


def test_targets_survive_the_loss_of_process_and_log_though_no_state_was_saved(market, redis, settings):
    settings.USER_STRATEGIES, settings.SHARD_SAVE_SECONDS = [f"{__name__}.WantsTen"], 1e6
    portfolio = open_portfolio(User.objects.create_user("asha"), "late", market, Decimal(1_000_000))
    start(create_strategy(portfolio, "ten", "wants_ten", {}, []))
    for _ in range(2):
        ingest(market.pk, 1, lambda: None)
        evaluation.evaluate(market.pk, portfolio.shard, 0.5, Behind(lambda _: None))
        evaluation._held.clear()
        redis.flushdb()
    signals = Signal.objects.filter(portfolio=portfolio)
    assert StrategyState.objects.filter(place__gt=0).count() == 0
    assert signals.values("instrument").distinct().count() == signals.count() > 0
    assert Gap.objects.exists()

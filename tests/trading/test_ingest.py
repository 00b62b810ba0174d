"""Sequencing the mock market: numbers are given once, a clean hand-over has no gap, a crash has a recorded one."""

from time import monotonic, time
from uuid import uuid4

import pytest

from alphapanda.errors import FencedError
from alphapanda.management.commands.seed import seed_reference
from alphapanda.statements import ask
from strategies.models import Control
from tests import rows
from trading import sequencer
from trading.feed.conflation import conflated
from trading.feed.raw import RawTick
from trading.ingest import ingest, open_source
from trading.log import MarketLog
from trading.markets import open_market
from trading.models import Gap, LastPrice, Market
from trading.reference import INSTRUMENTS
from trading.sequencer import RESERVE, Sequencer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def market(redis) -> Market:
    seed_reference()
    INSTRUMENTS.clear()
    return open_market("mock", Market.Kind.MOCK)


@pytest.fixture
def log(redis, market) -> MarketLog:
    return MarketLog(redis, market.pk)


def numbers(log: MarketLog) -> list[int]:
    return [tick.number for entry in log.read(0) for tick in entry.ticks(INSTRUMENTS)]


def holder(market: Market, log: MarketLog) -> tuple[Sequencer, str]:
    token = uuid4().hex
    assert log.acquire(token)
    return Sequencer(market, log, token), token


def test_windows_follow_each_other_without_a_gap(market, log):
    for _ in range(3):
        assert ingest(market.pk, 0.4, lambda: None)
    found = numbers(log)
    assert found == list(range(1, len(found) + 1))
    assert not Gap.objects.exists()


def test_after_a_crash_no_number_is_used_twice_and_the_jump_is_recorded(market, log):
    crashed, token = holder(market, log)
    crashed.work(open_source(market), 0.4, lambda: None)
    last = log.tail()
    log.release(token)  # its lease runs out; it never finished its window
    ingest(market.pk, 0.4, lambda: None)
    first_after = min(n for n in numbers(log) if n > last)
    assert first_after == RESERVE + 1
    assert Gap.objects.values_list("first", "last").get() == (last + 1, RESERVE)


def test_sleeper_that_was_replaced_appends_nothing(market, log):
    sleeper, token = holder(market, log)
    sleeper.work(open_source(market), 0.3, lambda: None)
    log.release(token)
    ingest(market.pk, 0.4, lambda: None)
    before = numbers(log)
    with pytest.raises(FencedError):
        sleeper.work(open_source(market), 0.4, lambda: None)
    sleeper._controls_at = monotonic()
    sleeper.work(open_source(market), 0.05, lambda: None)
    sleeper.finish(open_source(market))
    assert numbers(log) == before
    assert Market.objects.get().reserved_to == before[-1]


def test_whoever_finds_the_lease_taken_returns_at_once(market, log):
    log.acquire("somebody")
    assert not ingest(market.pk, 5, lambda: None)


def test_mock_goes_on_from_its_last_prices(market, log):
    ingest(market.pk, 0.8, lambda: None)
    saved = dict(LastPrice.objects.values_list("instrument__symbol", "price"))
    fresh = open_source(market)._feed.last_prices
    assert saved
    assert all(fresh[symbol] == price * 10_000 for symbol, price in saved.items())


def test_ticks_of_a_live_market_carry_their_arrival_and_depth(market, log):
    ingest(market.pk, 0.4, lambda: None)
    tick = log.read(0)[0].ticks(INSTRUMENTS).tick(0)
    assert 0 <= tick.arrival - tick.time < 5_000_000
    assert len(tick.depth.bids) == len(tick.depth.asks) == 5


def test_unknown_scenario_is_named_and_kept_as_the_fault_of_the_market(market, settings):
    settings.MOCK_SCENARIO = "sideways"
    with pytest.raises(Exception, match="MOCK_SCENARIO: 'sideways' is none of"):
        ingest(market.pk, 1, lambda: None)
    assert "sideways" in Market.objects.get().fault


def test_feed_that_is_too_fast_is_conflated_before_numbering_and_counted(market, log):
    sequencer, _ = holder(market, log)
    source = open_source(market)
    source._feed._rate = 1_000_000
    sequencer.work(source, 0.3, lambda: None)
    sequencer.finish(source)
    found = numbers(log)
    assert found == list(range(1, len(found) + 1))
    assert Market.objects.get().conflated == source.conflated > 0


def test_conflation_keeps_the_last_price_and_all_the_volume():
    now = int(time() * 1_000_000)
    ticks = [RawTick("A", 1, now, 5), RawTick("B", 2, now, 1), RawTick("A", 3, now + 1, 7)]
    assert conflated(ticks) == [RawTick("B", 2, now, 1), RawTick("A", 3, now + 1, 12)]


def test_only_controls_that_have_their_tick_are_counted(market, log, monkeypatch):
    """One that comes while they are counted gets its tick with the next ones, or with these."""
    sequencing, _ = holder(market, log)
    strategy = rows.strategy(rows.portfolio(rows.user()))
    Control.objects.create(market=market, strategy=strategy, kind="START")

    def ask_and_go_on(*queries) -> None:
        ask(*queries)
        Control.objects.create(market=market, strategy=strategy, kind="STOP")

    monkeypatch.setattr(sequencer, "ask", ask_and_go_on)
    counted = []
    for _ in range(3):
        sequencing._controls_at = float("-inf")
        sequencing._assign_controls()
        counted.append((sequencing._controls, Control.objects.filter(from_tick__isnull=False).count()))
    assert counted == [(2, 2), (2, 2), (4, 4)]

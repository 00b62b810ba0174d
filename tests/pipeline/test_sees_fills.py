"""A worker that dies shows fills that are in the ledger already at the same ticks as the one before it."""

import pytest

from portfolio.models import Portfolio, Position
from strategies import waiting
from strategies.base import Strategy
from strategies.seen import seen_by
from tests.builders import tick
from tests.pipeline.driver import Replay, bars, expected
from tests.pipeline.live import House
from trading.markets import is_replay
from trading.models import Market
from trading.ticks import Ticks

pytestmark = pytest.mark.django_db(transaction=True)


def test_fill_is_shown_after_its_tick_also_when_it_was_there_before(tmp_path, settings, redis):
    """States are saved with signals only, so that much is evaluated again, beside fills of later ticks."""
    settings.USER_STRATEGIES = ["tests.pipeline.sample.Angler"]
    settings.LOG_BATCH_TICKS, settings.SHARD_SAVE_SECONDS = 4, 1_000.0
    files, options = [bars(tmp_path / "HDFCBANK.csv", 3, 30)], {"strategy": ["angler"], "param": [], "limits": "none"}
    replay, wanted = Replay.of(files, **options), expected(files, **options)
    waits = [fill["tick"] - signal["tick"] for signal, fill in zip(wanted["signals"], wanted["fills"], strict=False)]
    assert (len(waits) > 5, max(waits) > 10) == (True, True)
    for _ in range(wanted["signals"][-1]["tick"]):
        replay.begin("decide", "execute", "forget")
    replay.drain()
    assert replay.hash == wanted["ledger_hash"]


class Watcher(Strategy):
    """Wants ten more at two ticks."""

    sees_fills = True

    def on_tick(self, tick):
        return self.target + 10 if tick.number in (1, 60) else None


def test_a_live_strategy_goes_on_while_its_order_rests_in_a_quiet_instrument(redis, settings):
    """Nobody but the sweep moved the clock: one tick a second, and the whole shard's decisions waited with it."""
    settings.USER_STRATEGIES = [f"{__name__}.Watcher", "tests.pipeline.live.WantsTen"]
    house = House(redis, "watcher")
    house.add("wants_ten", house.other)
    shard = (house.market.pk, house.portfolio.shard)
    for number in range(1, 101):
        house.append(house.traded if number in (1, 50, 60, 61) else house.other)
        if number in (1, 20, 49, 50, 51, 59, 61, 100):
            house.run()
            assert seen_by(*shard) == number
    fills = house.portfolio.fills.filter(instrument=house.traded.id).order_by("tick")
    assert list(fills.values_list("tick", flat=True)) == [50, 61]


def test_an_instrument_is_not_quiet_where_the_log_or_what_was_read_of_it_says_otherwise(redis, settings):
    settings.USER_STRATEGIES = ["tests.pipeline.live.WantsTen"]
    house = House(redis)
    for instrument in (house.traded, house.other):
        house.append(instrument)
    market, read = house.market.pk, Ticks.of([tick(2, 100, house.other), tick(3, 100, house.traded)])

    def is_quiet(instrument, clock, batch) -> bool:
        return waiting._is_quiet(market, {instrument.id}, clock, batch)

    assert is_quiet(house.traded, 1, read.cut(0, 1))
    assert not is_quiet(house.other, 1, read.cut(0, 1))
    assert not is_quiet(house.traded, 1, read)  # Redis has older data than it had
    Market.objects.filter(pk=market).update(kind=Market.Kind.REPLAY)
    is_replay.cache_clear()
    assert not is_quiet(house.traded, 1, read.cut(0, 1))


def test_who_has_an_undecided_signal_or_holds_what_exit_rules_look_at_waits_for_the_clock(redis, settings):
    settings.USER_STRATEGIES = [f"{__name__}.Watcher"]
    house = House(redis, "watcher")
    strategy, later = house.portfolio.strategies.get(), Ticks.of([tick(2, 100, house.other)])
    house.tick(house.traded)
    assert waiting._until(strategy, later) == 0  # undecided
    house.goes_on()
    assert waiting._until(strategy, later) == 2  # its order rests
    Portfolio.objects.update(is_watched=True)
    Position.objects.create(
        portfolio=house.portfolio, strategy=strategy, instrument_id=house.traded.id, quantity=10, mark=100
    )
    assert waiting._until(strategy, later) == 1  # an exit may be ordered at any tick

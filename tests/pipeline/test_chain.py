"""The chain of a signal goes as far as there is something to do: never further, never less far."""

from decimal import Decimal

import pytest

from alphapanda.connection import PREFIX, key
from alphapanda.management.commands.seed import seed_reference
from alphapanda.pipeline import shard_queue
from portfolio.services import open_portfolio
from risk.services import halt
from risk.tasks import decide
from strategies import evaluation
from strategies.base import Strategy
from strategies.models import Control
from strategies.services import create_strategy, start
from tests import rows
from tests.builders import tick
from tests.pipeline.driver import Replay, bars
from trading.bookkeeping import awaiting
from trading.log import MarketLog
from trading.markets import open_market
from trading.models import Instrument, Market
from trading.order import OrderStatus
from trading.reference import INSTRUMENTS
from trading.ticks import Ticks

pytestmark = pytest.mark.django_db(transaction=True)


class WantsTen(Strategy):
    def on_tick(self, _tick):
        return None if self.target else 10


class House:
    """A live portfolio with a strategy on one instrument, fed and run by hand."""

    def __init__(self, redis) -> None:
        seed_reference()
        self.market = open_market("live", Market.Kind.LIVE)
        self.portfolio = open_portfolio(rows.user(), "p", self.market, Decimal(1_000_000))
        self.traded, self.other = (INSTRUMENTS[pk] for pk in Instrument.objects.values_list("pk", flat=True)[:2])
        start(create_strategy(self.portfolio, "ten", "wants_ten", {}, [Instrument.objects.get(pk=self.traded.id)]))
        Control.objects.update(from_tick=1)
        self.log = MarketLog(redis, self.market.pk)
        self.log.acquire("me")

    def append(self, instrument) -> None:
        number = self.log.tail() + 1
        assert self.log.append("me", number - 1, 1, Ticks.of([tick(number, 100, instrument)]))

    def tick(self, instrument) -> None:
        self.append(instrument)
        evaluation.evaluate(self.market.pk, self.portfolio.shard, 0.5, lambda _: None)

    def goes_on(self) -> bool:
        return goes_on_after_deciding(self.portfolio)


def goes_on_after_deciding(portfolio) -> bool:
    decide.push_request(chain=["trading.execute"])
    try:
        decide.run(portfolio.pk)
        return bool(decide.request.chain)
    finally:
        decide.pop_request()


@pytest.fixture
def house(redis, settings) -> House:
    settings.USER_STRATEGIES = [f"{__name__}.WantsTen"]
    return House(redis)


def test_what_was_ordered_waits_for_its_next_tick(house):
    house.tick(house.traded)
    house.tick(house.other)
    assert not house.goes_on()
    assert house.portfolio.orders.get().status == OrderStatus.OPEN
    house.portfolio.refresh_from_db()
    assert house.portfolio.clock == 2


def test_a_tick_is_matched_that_came_before_anybody_knew_who_waits_for_it(house):
    house.tick(house.traded)
    house.append(house.traded)
    assert house.goes_on()


def test_nothing_follows_what_orders_nothing(house):
    assert not house.goes_on()
    house.tick(house.traded)
    halt(None, house.portfolio, "now")
    assert not house.goes_on()
    assert house.portfolio.decisions.get().approved is False


def test_a_strategy_that_waited_for_its_fills_is_woken_where_the_chain_ends(house, redis):
    house.tick(house.traded)
    place = (house.market.pk, house.portfolio.shard)
    redis.sadd(key("waiting", *place), house.portfolio.pk)
    assert not house.goes_on()
    assert redis.llen(PREFIX + shard_queue(house.portfolio.shard)) == 1
    assert not redis.exists(key("waiting", *place))


@pytest.mark.parametrize("hint", [b'{"instruments":[1],"is_watched":false}', b"nonsense"])
def test_a_hint_that_another_version_has_left_stops_nobody(house, redis, hint):
    house.tick(house.traded)
    house.goes_on()
    redis.hset(key("awaited", house.market.pk, house.portfolio.shard), str(house.portfolio.pk), hint)
    assert house.goes_on()
    assert house.portfolio.pk in awaiting(house.market.pk, house.portfolio.shard, set())


def test_the_clock_of_a_replay_always_goes_on(redis, tmp_path):
    replay = Replay.of([bars(tmp_path / "SBIN.csv", 1)])
    replay.begin()
    assert goes_on_after_deciding(replay.portfolio)

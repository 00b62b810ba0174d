"""A shard that is on time runs the next stages itself: the same work under the same locks, without a message."""

from decimal import Decimal, getcontext, localcontext
from random import Random
from threading import Timer
from time import monotonic, time
from unittest.mock import Mock

import msgspec
import psycopg
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from redis import RedisError

from alphapanda import at_once, handover
from alphapanda.connection import PREFIX, key
from alphapanda.handover import NEAR_TICKS, ON_TIME_SECONDS, Handover
from alphapanda.pipeline import sweep
from portfolio.services import open_portfolio
from risk import tasks as risk
from strategies import evaluation
from strategies.base import Strategy
from strategies.moved import Moved
from strategies.seen import publish_seen
from strategies.tasks import evaluate
from tests.pipeline.driver import Replay, bars
from tests.pipeline.live import House, soon
from tests.workers import database_url
from trading import bookkeeping, recent
from trading.awaited import Awaited
from trading.log import MarketLog
from trading.order import OrderStatus
from trading.session import SECOND

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house(redis, settings) -> House:
    settings.USER_STRATEGIES = ["tests.pipeline.live.WantsTen", "tests.pipeline.live.Reckless", f"{__name__}.Flips"]
    return House(redis)


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(at_once, "SLOW_SECONDS", 60.0)
    monkeypatch.setattr(at_once, "_left", {})


class Flips(Strategy):
    def on_tick(self, _tick):
        return 0 if self.target else 10


def signalled(house) -> None:
    """Such a tick, evaluated."""
    house.append_now(house.traded)
    evaluate.run(str(house.market.pk), house.portfolio.shard)


def waiting(house) -> dict[str, int]:
    """Messages in the queues of portfolios."""
    return {queue: house.redis.llen(PREFIX + queue) for queue in ("risk", "execution", "portfolio")}


ONE = Decimal(1)
STAGES = {"risk": "risk.services.decide", "execution": "trading.services.execute"}
NOBODY = {"risk": 0, "execution": 0, "portfolio": 0}


def test_a_signal_is_decided_and_its_order_filled_without_a_message(house):
    signalled(house)
    assert house.portfolio.orders.get().status == OrderStatus.OPEN
    assert waiting(house) == NOBODY
    signalled(house)
    assert house.portfolio.orders.get().status == OrderStatus.COMPLETE
    assert waiting(house) == NOBODY | {"portfolio": 1}


def test_a_shard_matches_what_it_has_just_read_and_does_not_read_it_again(house, monkeypatch):
    signalled(house)
    house.tick(house.other)
    for name in ("available", "have_ticked"):
        monkeypatch.setattr(MarketLog, name, Mock(side_effect=AssertionError(name)))
    signalled(house)
    assert house.portfolio.fills.get().tick == 3


@pytest.mark.parametrize("seed", range(3))
def test_fills_are_the_same_whether_ticks_are_at_hand_or_read_again(house, monkeypatch, seed):
    chance, answers = Random(seed), []
    monkeypatch.setattr(recent, "MOST_ENTRIES", 4)
    monkeypatch.setattr(evaluation, "LINGER_SECONDS", 0.001)
    monkeypatch.setattr(bookkeeping, "recent", lambda *asked: answers.append(recent.recent(*asked)) or answers[-1])
    house.add("flips", house.traded, house.other)
    ticked = [chance.choice([house.traded, house.other]) for _ in range(60)]
    for instrument in ticked:
        house.append_now(instrument)
        if chance.random() < 0.5:
            evaluate.run(str(house.market.pk), house.portfolio.shard)
        if chance.random() < 0.1:
            evaluation._held.clear()
    house.run()
    fills = house.portfolio.fills.select_related("order")
    for fill in fills:
        later = (n for n, one in enumerate(ticked, 1) if n > fill.order.placed_tick and one.id == fill.instrument_id)
        assert fill.tick == next(later)
    assert len(fills) > 5
    assert 0 < answers.count(None) < len(answers)


@pytest.mark.parametrize("waited", [ON_TIME_SECONDS + 60, None])
def test_who_is_late_or_does_not_know_it_leaves_it_to_others(house, waited):
    house.append(house.traded, arrival=waited and int((time() - waited) * SECOND))
    evaluate.run(str(house.market.pk), house.portfolio.shard)
    assert waiting(house) == NOBODY | {"risk": 1}
    assert not house.portfolio.decisions.exists()


def test_who_was_late_is_on_time_again(house):
    house.append(house.traded, arrival=1)
    evaluate.run(str(house.market.pk), house.portfolio.shard)
    assert waiting(house) == NOBODY | {"risk": 1}
    assert risk.decide.run(house.portfolio.pk) is False
    signalled(house)
    assert waiting(house) == NOBODY | {"risk": 1, "portfolio": 1}


def test_two_portfolios_are_worked_on_and_the_others_are_woken(house):
    places = house.market.pk, house.portfolio.shard
    portfolios = [house.portfolio, *(open_portfolio(house.portfolio.user, n, house.market, ONE) for n in "qrst")]
    Handover(*places).hand_on(Moved(dict.fromkeys(p.pk for p in portfolios), set(), 1, soon()))
    assert waiting(house) == NOBODY | {"risk": 3}


def two_signalled(house) -> bool:
    portfolios = [house.portfolio, open_portfolio(house.portfolio.user, "q", house.market, ONE)]
    moved = Moved(dict.fromkeys(p.pk for p in portfolios), set(), 1, soon())
    return Handover(house.market.pk, house.portfolio.shard).hand_on(moved)


def test_who_is_not_begun_in_time_is_woken(house, monkeypatch):
    late = [0.0]
    monkeypatch.setattr(handover, "time", lambda: time() + late[0])
    decide = Mock(side_effect=lambda *_, **__: late.append(late.pop() + 100))
    monkeypatch.setattr("risk.services.decide", decide)
    two_signalled(house)
    decide.assert_called_once()
    assert waiting(house) == NOBODY | {"risk": 1}


def test_an_interruption_of_one_is_no_loss_of_time_for_the_other(house, monkeypatch):
    monkeypatch.setattr("risk.services.decide", Mock(side_effect=SoftTimeLimitExceeded))
    with pytest.raises(SoftTimeLimitExceeded):
        two_signalled(house)
    assert waiting(house) == NOBODY | {"risk": 1}


def test_who_is_far_behind_is_left_to_others(house):
    signalled(house)
    publish_seen(house.market.pk, house.portfolio.shard, 9, NEAR_TICKS + 1)
    signalled(house)
    assert waiting(house) == NOBODY | {"execution": 1}


def test_nobody_is_far_behind_whose_ticks_are_at_hand(house, monkeypatch):
    monkeypatch.setattr(handover, "NEAR_TICKS", 0)
    signalled(house)
    signalled(house)
    assert house.portfolio.fills.exists()
    assert waiting(house) == NOBODY | {"portfolio": 1}


def say_watched(house) -> None:
    hint = Awaited([house.traded.id], is_watched=True, clock=1)
    place = key("awaited", house.market.pk, house.portfolio.shard)
    house.redis.hset(place, str(house.portfolio.pk), msgspec.json.encode(hint))


def test_where_exit_rules_look_deciding_moves_the_clock_and_nobody_else(house):
    signalled(house)
    say_watched(house)
    signalled(house)
    assert house.portfolio.orders.get().status == OrderStatus.OPEN  # for there are no rules
    assert waiting(house) == NOBODY


def test_cash_is_what_it_would_be_without_a_strategy_that_changes_how_its_process_reckons(house):
    house.add("reckless", house.traded)
    with localcontext():
        signalled(house)
        signalled(house)
        assert getcontext().prec == 5
    first, second = house.portfolio.fills.order_by("order__strategy__ordinal")
    assert (first.price, first.charges, first.quantity) == (second.price, second.charges, second.quantity)
    spent = sum(fill.price * fill.quantity + fill.charges for fill in (first, second))
    house.portfolio.refresh_from_db()
    assert house.portfolio.cash == house.portfolio.starting_cash - spent


def test_who_has_the_portfolio_is_not_waited_for(house):
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT FROM portfolio_portfolio FOR NO KEY UPDATE")
        signalled(house)
        assert waiting(house) == NOBODY | {"risk": 1}
    assert risk.decide.run(house.portfolio.pk) is False
    assert house.portfolio.orders.get().status == OrderStatus.OPEN


def test_who_comes_by_message_waits(house):
    house.tick(house.traded)
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT FROM portfolio_portfolio FOR NO KEY UPDATE")
        ends = Timer(0.3, other.rollback)
        ends.start()
        assert risk.decide.run(house.portfolio.pk) is False
        ends.join()
    assert house.portfolio.orders.exists()


@pytest.mark.parametrize("queue", ["risk", "execution"])
def test_a_message_that_waits_is_not_sent_again(house, queue):
    signalled(house)
    if queue == "risk":
        say_watched(house)
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT FROM portfolio_portfolio FOR NO KEY UPDATE")
        for _ in range(3):
            signalled(house)
        assert waiting(house) == NOBODY | {queue: 1}


@pytest.mark.parametrize("queue", STAGES)
def test_where_there_is_more_to_do_than_once_others_do_it(house, monkeypatch, queue):
    signalled(house)
    if queue == "risk":
        say_watched(house)
    service = Mock(return_value=True)
    monkeypatch.setattr(STAGES[queue], service)
    signalled(house)
    service.assert_called_once()
    assert waiting(house)[queue] == 1


def test_who_has_a_row_of_the_portfolio_is_not_waited_for(house):
    signalled(house)
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT FROM trading_order FOR UPDATE")
        signalled(house)
        assert waiting(house) == NOBODY | {"execution": 1}


def test_who_was_replaced_goes_no_further_than_its_successor(house):
    signalled(house)
    publish_seen(house.market.pk, house.portfolio.shard, 9, 1)
    signalled(house)
    assert house.portfolio.orders.get().status == OrderStatus.OPEN


def test_what_fails_is_left_to_its_task_which_says_so(house, monkeypatch):
    monkeypatch.setattr("risk.services._decide", Mock(side_effect=ZeroDivisionError))
    signalled(house)
    assert waiting(house) == NOBODY | {"risk": 1}
    with pytest.raises(ZeroDivisionError):
        risk.decide.run(house.portfolio.pk)


@pytest.mark.parametrize("error", [MemoryError, RedisError])
def test_what_is_about_the_process_ends_its_task(house, monkeypatch, error):
    monkeypatch.setattr("risk.services._decide", Mock(side_effect=error))
    with pytest.raises(error):
        signalled(house)


def test_what_takes_too_long_ends_with_its_task_and_the_sweep_brings_the_rest(house, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("risk.services._decide", Mock(side_effect=SoftTimeLimitExceeded))
        with pytest.raises(SoftTimeLimitExceeded):
            signalled(house)
    assert waiting(house) == NOBODY
    sweep()
    assert waiting(house)["risk"] == 1
    assert risk.decide.run(house.portfolio.pk) is False
    assert house.portfolio.orders.get().status == OrderStatus.OPEN


def test_who_takes_long_is_left_to_others_for_a_while(house, monkeypatch):
    monkeypatch.setattr(at_once, "SLOW_SECONDS", 0.0)
    signalled(house)
    assert house.portfolio.orders.exists()
    signalled(house)
    assert waiting(house) == NOBODY | {"execution": 1}
    monkeypatch.setattr(at_once, "_left", {house.portfolio.pk: monotonic() - 1})
    signalled(house)
    assert house.portfolio.fills.exists()


def test_a_replay_goes_by_its_queues(redis, tmp_path):
    replay = Replay.of([bars(tmp_path / "SBIN.csv", 1, 2_000)], strategy=["momentum"], param=["momentum.threshold=0"])
    replay.begin()
    market, shard = replay.portfolio.market_id, replay.portfolio.shard
    redis.delete(PREFIX + "risk")
    Handover(market, shard).hand_on(Moved(dict.fromkeys([replay.portfolio.pk]), set(), 1, soon()))
    assert redis.llen(PREFIX + "risk") == 1

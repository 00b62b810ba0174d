"""A shard of a live market stays for the next ticks while nobody else waits for its worker."""

from uuid import uuid4

import pytest

from alphapanda import pipeline
from strategies import evaluation
from strategies.base import Strategy
from strategies.seen import seen_by
from tests.pipeline.live import House
from trading.log import MarketLog

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 60.0


class Watcher(Strategy):
    sees_fills = True

    def on_tick(self, tick):
        return None


@pytest.fixture
def house(redis, settings) -> House:
    settings.USER_STRATEGIES = ["tests.pipeline.live.WantsTen", f"{__name__}.Watcher"]
    return House(redis)


def evaluate(house, others_wait) -> bool:
    return evaluation.evaluate(house.market.pk, house.portfolio.shard, LONG, lambda _: None, others_wait)


def seen(house) -> int:
    return seen_by(house.market.pk, house.portfolio.shard)


def test_ticks_that_come_meanwhile_need_no_message(house):
    coming = [house.other, house.traded, house.other]

    def others_wait() -> bool:
        if coming:
            house.append(coming.pop())
        return False

    house.tick(house.other)
    house.append(house.other)
    assert not evaluate(house, others_wait)
    assert (seen(house), house.portfolio.signals.get().tick) == (5, 4)


def test_it_gives_way_to_others_and_says_what_it_leaves(house):
    def others_wait() -> bool:
        house.append(house.other)
        return True

    house.tick(house.other)
    house.append(house.other)
    assert evaluate(house, others_wait)
    assert seen(house) == 2


def test_who_waits_for_fills_is_not_stayed_for(house, monkeypatch):
    house.add("watcher", house.traded)
    house.tick(house.other)
    house.append(house.other)
    monkeypatch.setattr(MarketLog, "await_entries", lambda *_: pytest.fail("it stays"))
    assert not evaluate(house, lambda: False)
    assert seen(house) == 2


def test_what_was_waited_for_is_no_answer_to_who_reads_from_elsewhere(house, redis):
    log = MarketLog(redis, house.market.pk)
    house.append(house.other)
    house.append(house.other)
    log.await_entries(0, 10, 0.1)
    assert [entry.last for entry in log.read(1)] == [2]
    assert [entry.last for entry in log.read(0)] == [1, 2]


def test_others_are_those_beside_its_own_message(redis):
    mine, other = uuid4(), uuid4()
    pipeline.wake_shard(mine, 0)
    assert (pipeline.others_wait(mine, 0), pipeline.others_wait(other, 0)) == (False, True)
    pipeline.wake_shard(other, 0)
    assert (pipeline.others_wait(mine, 0), pipeline.others_wait(other, 0)) == (True, True)


@pytest.mark.parametrize(("took", "rest"), [(0.001, 0.002), (0.004, 0.008), (0.005, 0.01), (0.012, 0.003), (0.02, 0)])
def test_looks_take_a_third_of_the_time_at_most_and_come_every_15_ms_at_least(took, rest):
    assert evaluation._rest(took, took) == pytest.approx(rest)


def test_what_was_done_after_a_look_is_part_of_its_rest():
    assert evaluation._rest(0.004, 0.01) == pytest.approx(0.002)
    assert evaluation._rest(0.004, 0.02) == 0

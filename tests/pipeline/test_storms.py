"""Everything signals at once: more than the ledger takes meanwhile."""

import pytest

from alphapanda.connection import PREFIX
from risk import services, tasks
from strategies import evaluation
from strategies.base import Strategy
from strategies.moved import Behind
from tests.pipeline.live import House

pytestmark = pytest.mark.django_db(transaction=True)


class Flips(Strategy):
    def on_tick(self, _tick):
        return 0 if self.target else 10


@pytest.fixture
def house(redis, settings) -> House:
    settings.USER_STRATEGIES = [f"{__name__}.Flips"]
    return House(redis, "flips")


def test_signals_do_not_wait_for_the_end_of_a_long_batch(house, monkeypatch):
    """Those of 64,000 ticks in one commit took longer than a task may, again and again."""
    monkeypatch.setattr(evaluation, "SLICE", 1)
    monkeypatch.setattr(evaluation, "MOST_SIGNALS", 2)
    for _ in range(5):
        house.append(house.traded)
    signals, known = house.portfolio.signals, []
    evaluation.evaluate(house.market.pk, house.portfolio.shard, 0.5, Behind(lambda _: known.append(signals.count())))
    assert known == [0, 2, 4, 5]  # the first time it has come to the control that starts the strategy


def test_thousands_of_prices_that_signals_carry_make_a_commit_long_too(house, monkeypatch):
    monkeypatch.setattr(evaluation, "SLICE", 1)
    monkeypatch.setattr(evaluation, "MARKS", 1)  # each carries one
    monkeypatch.setattr(evaluation, "MOST_SIGNALS", 4)
    for _ in range(5):
        house.append(house.traded)
    signals, known = house.portfolio.signals, []
    evaluation.evaluate(house.market.pk, house.portfolio.shard, 0.5, Behind(lambda _: known.append(signals.count())))
    assert known == [0, 2, 4, 5]


def test_deciding_that_is_not_through_is_followed_by_more_of_it_alone(house, redis, monkeypatch):
    monkeypatch.setattr(services, "MOST_SIGNALS", 1)
    monkeypatch.setattr(tasks, "SECONDS", -1.0)
    house.tick(house.traded)
    house.tick(house.traded)
    assert not house.goes_on()
    assert (house.portfolio.decisions.count(), redis.llen(PREFIX + "risk")) == (1, 1)

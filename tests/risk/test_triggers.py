"""What halts a portfolio by itself: each threshold at its edge, and once until a person lifts it."""

import pytest

from alphapanda.connection import connection, key
from alphapanda.errors import InputError
from risk import services
from risk.halt import HaltState
from risk.models import Decision
from risk.trigger_services import change_triggers, look
from risk.triggers import Observed, Thresholds, tripped
from strategies.models import Shard
from tests import rows
from trading.models import Market


@pytest.mark.parametrize(
    ("threshold", "observed", "rule"),
    [
        ({"max_denials_per_minute": 5}, {"denials": 5}, None),
        ({"max_denials_per_minute": 5}, {"denials": 6}, "denials"),
        ({"max_orders_per_minute": 5}, {"orders": 6}, "order_rate"),
        ({"max_feed_age_seconds": 15}, {"feed_age_seconds": 15.9}, None),
        ({"max_feed_age_seconds": 15}, {"feed_age_seconds": 16.0}, "stale_feed"),
        ({"max_shard_lag": 100}, {"shard_lag": 101}, "shard_lag"),
        ({"reconciles": True}, {"differences": ["cash is 1, its fills make it 2"]}, "reconciliation"),
        ({"reconciles": True}, {}, None),
        ({}, {"denials": 99, "orders": 99, "feed_age_seconds": 99.0, "shard_lag": 99, "differences": ["x"]}, None),
    ],
)
def test_threshold_trips_when_it_is_passed(threshold, observed, rule):
    found = [breach.rule for breach in tripped(Thresholds(**threshold), Observed(**observed))]
    assert found == ([rule] if rule else [])


@pytest.fixture
def strategy(db, redis):
    return rows.strategy(rows.portfolio(rows.user("asha")))


def denied(strategy, count=1, by="position"):
    first = Decision.objects.count()
    for tick in range(first, first + count):
        made = rows.traded(strategy, tick)
        made.fill.delete(), made.order.delete()
        Decision.objects.filter(pk=made.decision.pk).update(approved=False, quantity=0, denied_by=[by])


def test_burst_of_denials_halts_with_limit_and_observed_value(strategy):
    change_triggers(strategy.portfolio, {"max_denials_per_minute": 2})
    denied(strategy, 2)
    assert look() == []
    denied(strategy)
    (halt,) = look()
    assert (halt.rule, halt.limit, halt.observed, halt.state) == ("denials", "2", "3", HaltState.REDUCING)
    assert halt.reason == "denials: 3 at a limit of 2"
    assert look() == []


@pytest.mark.parametrize("by", ["halt", "nothing_to_do", "behind_clock"])
def test_denials_that_are_ours_do_not_count(strategy, by):
    change_triggers(strategy.portfolio, {"max_denials_per_minute": 0})
    denied(strategy, by=by)
    assert look() == []


def test_what_was_before_a_person_lifted_it_is_not_held_against_anybody(strategy):
    change_triggers(strategy.portfolio, {"max_denials_per_minute": 0})
    denied(strategy)
    (halt,) = look()
    services.lift(halt, None, "was a test")
    assert look() == []
    denied(strategy)
    assert len(look()) == 1


def test_rate_of_orders_halts(strategy):
    change_triggers(strategy.portfolio, {"max_orders_per_minute": 1, "state": "HALTED"})
    rows.traded(strategy, 1), rows.traded(strategy, 2)
    (halt,) = look()
    assert (halt.rule, halt.state) == ("order_rate", HaltState.HALTED)


def test_silent_feed_halts(strategy):
    change_triggers(strategy.portfolio, {"max_feed_age_seconds": 15})
    assert look() == []
    Market.objects.update(created_at=rows.OPEN)
    (halt,) = look()
    assert halt.rule == "stale_feed"


def test_shard_far_behind_halts(strategy, redis):
    market = strategy.portfolio.market
    Shard.objects.create(market=market, number=strategy.portfolio.shard)
    change_triggers(strategy.portfolio, {"max_shard_lag": 100})
    connection().xadd(key("log", market.pk), {"f": 1}, id="101-0")
    (halt,) = look()
    assert (halt.rule, halt.observed) == ("shard_lag", "101")


def test_books_that_do_not_add_up_halt(strategy):
    change_triggers(strategy.portfolio, {"reconciles": True, "flattens": False})
    rows.position(strategy)
    (halt,) = look()
    assert halt.rule == "reconciliation"
    assert "its fills make it 0" in halt.observed


def test_trigger_may_flatten(strategy):
    change_triggers(strategy.portfolio, {"max_denials_per_minute": 0, "flattens": True, "state": "HALTED"})
    denied(strategy)
    (halt,) = look()
    assert (halt.flatten, halt.state) == (True, HaltState.REDUCING)


def test_replays_are_left_alone(strategy):
    change_triggers(strategy.portfolio, {"max_denials_per_minute": 0})
    denied(strategy)
    Market.objects.update(kind="replay")
    assert look() == []


def test_every_change_is_kept(strategy):
    change_triggers(strategy.portfolio, {"max_shard_lag": 7})
    row = change_triggers(strategy.portfolio, {"max_shard_lag": None, "reconciles": True})
    assert (row.version, row.max_shard_lag) == (2, None)
    assert row.changes.get(version=2).before == {"max_shard_lag": 7, "reconciles": False}
    with pytest.raises(InputError, match="max_lag"):
        change_triggers(strategy.portfolio, {"max_lag": 1})

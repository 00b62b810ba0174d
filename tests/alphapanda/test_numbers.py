"""The numbers of the live view are those of the log, the ledger and the valuations."""

from decimal import Decimal
from time import monotonic, time

import pytest
from django.db import connection as database

from alphapanda import numbers
from alphapanda.connection import connection
from alphapanda.live_view import HouseStatus
from alphapanda.management.commands.up import status
from alphapanda.metrics import inserted
from portfolio.services import revalue
from tests import rows
from tests.builders import OPEN, tick
from trading.log import MarketLog
from trading.models import Gap, Market
from trading.session import SECOND
from trading.ticks import Ticks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


def append(market, first, count):
    log = MarketLog(connection(), market.pk)
    log.acquire("test")
    ticks = [tick(n, 100, seconds=time() - OPEN / SECOND) for n in range(first, first + count)]
    assert log.append("test", log.tail(), 0, Ticks.of(ticks))


def ticks_seen(look):
    """The speed since the last look, times the seconds since then."""
    begun = look._looked_at
    speed = look.look().ticks_per_second
    return round(speed * (look._looked_at - begun))


def test_nothing_is_known_before_the_first_tick():
    rows.market()
    found, empty = numbers.Numbers().look(), HouseStatus()
    assert (found.ticks_per_second, found.lag_seconds, found.equity) == (
        *(empty.ticks_per_second, empty.lag_seconds, empty.equity),
    )


def test_speed_counts_the_ticks_since_the_last_look():
    market, look = rows.market(), numbers.Numbers()
    append(market, 1, 3)
    assert ticks_seen(look) == 0
    append(market, 4, 5)
    assert ticks_seen(look) == 5


def test_a_jump_of_numbers_is_no_tick():
    market, look = rows.market(), numbers.Numbers()
    append(market, 1, 3)
    look.look()
    Gap.objects.create(market=market, first=4, last=100_003, reason="new_holder")
    append(market, 100_004, 2)
    assert ticks_seen(look) == 2


def test_a_wiped_log_has_no_speed():
    market, look = rows.market(), numbers.Numbers()
    append(market, 1, 3)
    look.look()
    connection().flushdb()
    assert ticks_seen(look) == 0


def test_lag_is_the_age_of_the_last_tick():
    market = rows.market()
    assert numbers.lag_seconds() is None
    append(market, 1, 1)
    assert 0 <= numbers.lag_seconds() < 60


def test_equity_adds_the_valuations_and_the_cash_of_those_that_have_none():
    assert numbers.equity() is None
    owner = rows.user()
    first, _ = rows.portfolio(owner, "first"), rows.portfolio(owner, "second")
    rows.position(rows.strategy(first))  # bought with nothing: worth 100 shares at the mark of 510
    revalue(first.pk)
    assert numbers.equity() == Decimal(2_000_000 + 51_000)


def test_replays_have_no_part_in_lag_and_equity():
    market = rows.market()
    rows.portfolio(rows.user())
    append(market, 1, 1)
    Market.objects.filter(pk=market.pk).update(kind=Market.Kind.REPLAY)
    assert (numbers.lag_seconds(), numbers.equity()) == (None, None)


@pytest.mark.django_db(transaction=True)
def test_rows_are_counted_by_kind():
    before = inserted()
    rows.traded(rows.strategy(rows.portfolio(rows.user())))
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
    grown = {kind: count - before[kind] for kind, count in inserted().items()}
    assert grown == {"signals": 1, "decisions": 1, "orders": 1, "fills": 1}


class Frozen(numbers.Numbers):
    """Its database does not answer."""

    def look(self):
        with numbers.within(0.2), database.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")


@pytest.mark.django_db(transaction=True)
def test_a_frozen_server_does_not_hold_the_supervisor():
    begun = monotonic()
    assert status(Frozen()) == HouseStatus()
    assert monotonic() - begun < 5
    with database.cursor() as cursor:  # on a new connection
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchall() == [(True,)]

import subprocess
import sys
from socket import gethostname

import pytest
import redis as redis_py
from django.db import OperationalError

from alphapanda import lease
from alphapanda.alive import is_alive
from alphapanda.management.commands.seed import seed_reference
from tests.workers import wait_for
from trading.ingest import ingest
from trading.log import MarketLog
from trading.markets import open_market
from trading.models import Market

pytestmark = pytest.mark.django_db

PLACE = "ap:test:lease"


def test_a_lease_is_held_by_one_until_it_is_released(redis):
    assert lease.acquire(redis, PLACE, "mine", 5_000)
    assert not lease.acquire(redis, PLACE, "yours", 5_000)
    lease.release(redis, PLACE, "yours")
    assert not lease.acquire(redis, PLACE, "yours", 5_000)
    lease.release(redis, PLACE, "mine")
    assert lease.acquire(redis, PLACE, "yours", 5_000)


def test_lease_of_a_killed_process_that_nobody_has_reaped_is_free(redis):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    wait_for(lambda: not is_alive(ended.pid))
    lease.acquire(redis, PLACE, f"{gethostname()}:{ended.pid}:1", 60_000)
    assert lease.acquire(redis, PLACE, "mine", 5_000)
    ended.wait()


class Away(redis_py.Redis):
    """Redis that does not answer for a while."""

    answers = False

    def eval(self, *arguments):
        if not self.answers:
            raise redis_py.ConnectionError("away")
        return super().eval(*arguments)


def test_lease_is_let_go_as_soon_as_redis_is_back(redis, settings):
    """Whoever was interrupted lived on, and its lease held everybody up until it ran out."""
    client = Away.from_url(settings.REDIS_URL)
    lease.acquire(redis, PLACE, "mine", 60_000)
    lease.release(client, PLACE, "mine")
    assert redis.exists(PLACE)
    client.answers = True
    wait_for(lambda: not redis.exists(PLACE))


def test_window_that_breaks_off_lets_go_of_its_lease(redis):
    """PostgreSQL was restarted: the market stood still for the life of a lease."""
    seed_reference()
    market = open_market("mock", Market.Kind.MOCK)

    def fail() -> None:
        raise OperationalError("server closed the connection")

    with pytest.raises(OperationalError):
        ingest(market.pk, 2, fail)
    assert MarketLog(redis, market.pk).acquire("another")


def test_only_the_holder_renews(redis):
    lease.acquire(redis, PLACE, "mine", 5_000)
    assert lease.renew(redis, PLACE, "mine", 60_000)
    assert not lease.renew(redis, PLACE, "yours", 1)
    assert redis.pttl(PLACE) > 5_000


def test_lease_of_a_dead_process_is_taken_at_once_and_that_of_a_living_one_is_not(redis):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    redis.set(PLACE, f"{gethostname()}:{gone.pid}:x")
    assert lease.acquire(redis, PLACE, lease.new_token(), 5_000)
    assert not lease.acquire(redis, PLACE, lease.new_token(), 5_000)


def test_process_of_another_machine_is_never_called_dead(redis):
    redis.set(PLACE, "elsewhere:1:x")
    assert not lease.acquire(redis, PLACE, lease.new_token(), 5_000)

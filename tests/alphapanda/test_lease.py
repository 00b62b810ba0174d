import subprocess
import sys
from socket import gethostname

from alphapanda import lease

PLACE = "ap:test:lease"


def test_a_lease_is_held_by_one_until_it_is_released(redis):
    assert lease.acquire(redis, PLACE, "mine", 5_000)
    assert not lease.acquire(redis, PLACE, "yours", 5_000)
    lease.release(redis, PLACE, "yours")
    assert not lease.acquire(redis, PLACE, "yours", 5_000)
    lease.release(redis, PLACE, "mine")
    assert lease.acquire(redis, PLACE, "yours", 5_000)


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

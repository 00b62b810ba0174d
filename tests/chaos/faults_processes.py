"""Faults of processes: killed, frozen, told to go, or there twice."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from time import sleep

import psutil

from tests.chaos.fault import kind
from tests.chaos.house import CHILDLESS, PORTFOLIOS, WORKERS, House

SHARDS = ("strategies-0", "strategies-1")
FROZEN_SECONDS = (6.0, 14.0)


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()


@kind("kill ingest worker")
def kill_ingest(house: House, random: Random) -> Iterator[float]:
    _kill(house.worker("ingest"))
    yield from ()


@kind("kill ingest child")
def kill_ingest_child(house: House, random: Random) -> Iterator[float]:
    _kill(house.child_of("ingest", random.randrange(4)))
    yield from ()


@kind("kill shard worker")
def kill_shard(house: House, random: Random) -> Iterator[float]:
    _kill(house.worker(random.choice(SHARDS)))
    yield from ()


@kind("kill shard child")
def kill_shard_child(house: House, random: Random) -> Iterator[float]:
    _kill(house.child_of(random.choice(SHARDS), 0))
    yield from ()


@kind("kill portfolios worker")
def kill_portfolios(house: House, random: Random) -> Iterator[float]:
    _kill(house.worker(random.choice(PORTFOLIOS)))
    yield from ()


@kind("kill both portfolios workers")
def kill_both(house: House, random: Random) -> Iterator[float]:
    for name in PORTFOLIOS:
        _kill(house.worker(name))
    yield from ()


@kind("kill valuation worker")
def kill_valuation(house: House, random: Random) -> Iterator[float]:
    _kill(house.worker("valuation"))
    yield from ()


@kind("kill beat")
def kill_beat(house: House, random: Random) -> Iterator[float]:
    _kill(house.beat())
    yield from ()


@kind("kill six at random")
def kill_six(house: House, random: Random) -> Iterator[float]:
    """Within some seconds: workers, their children and beat."""
    for _ in range(6):
        name = random.choice([*WORKERS, "beat"])
        if name == "beat":
            _kill(house.beat())
        else:
            _kill(house.worker(name) if random.random() < 0.5 else house.child_of(name, random.randrange(4)))
        yield random.uniform(0.2, 1.5)


@kind("kill supervisor")
def kill_supervisor(house: House, random: Random) -> Iterator[float]:
    """And with it the whole house; somebody starts it again on the same home."""
    house.process.kill()
    house.process.wait()
    house.begin()
    yield from ()


@kind("freeze worker")
def freeze_worker(house: House, random: Random) -> Iterator[float]:
    """Long enough that another takes over; then the sleeper wakes and must lose."""
    yield from _frozen(_family(house.worker(random.choice(WORKERS))), random.uniform(*FROZEN_SECONDS))


@kind("freeze worker main process")
def freeze_main(house: House, random: Random) -> Iterator[float]:
    """Its children go on."""
    yield from _frozen([house.worker(random.choice(WORKERS))], random.uniform(*FROZEN_SECONDS))


@kind("freeze child")
def freeze_child(house: House, random: Random) -> Iterator[float]:
    child = house.child_of(random.choice(WORKERS), random.randrange(4))
    yield from _frozen([child], random.uniform(*FROZEN_SECONDS))


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children()]


def _frozen(processes: list[psutil.Process], seconds: float) -> Iterator[float]:
    for process in processes:
        _signal(process, signal.SIGSTOP)
    try:
        yield seconds
    finally:
        for process in processes:
            _signal(process, signal.SIGCONT)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


@kind("freeze, then kill worker")
def freeze_and_kill(house: House, random: Random) -> Iterator[float]:
    """What it popped from Redis while it was frozen is gone for ever."""
    worker = house.worker(random.choice(WORKERS))
    _signal(worker, signal.SIGSTOP)
    yield random.uniform(0.2, 2.0)
    _kill(worker)


@kind("rolling restart")
def rolling_restart(house: House, random: Random) -> Iterator[float]:
    """Every worker is asked to go, one after the other."""
    for name in random.sample(WORKERS, len(WORKERS)):
        _signal(house.worker(name), signal.SIGTERM if name in CHILDLESS else signal.SIGQUIT)
        yield random.uniform(0.5, 2.0)


@kind("two beats")
def two_beats(house: House, random: Random) -> Iterator[float]:
    second = house.add_beat()
    yield random.uniform(6, 9)
    house.remove(second)


@kind("two workers on a shard")
def two_workers(house: House, random: Random) -> Iterator[float]:
    shard = random.randrange(len(SHARDS))
    second = house.add_worker(f"second-{shard}", f"strategies.{shard}")
    yield random.uniform(7, 10)
    house.remove(second)


@kind("valkey restarted")
def restart_valkey(house: House, random: Random) -> Iterator[float]:
    _signal(house.valkey(), signal.SIGTERM)
    yield from ()


@kind("valkey killed")
def kill_valkey(house: House, random: Random) -> Iterator[float]:
    """It comes back with its append-only file."""
    _kill(house.valkey())
    yield from ()


@kind("valkey killed and its data lost")
def lose_valkey(house: House, random: Random) -> Iterator[float]:
    """The supervisor looks away for as long as it takes."""
    os.kill(house.process.pid, signal.SIGSTOP)
    try:
        _kill(house.valkey())
        shutil.rmtree(house.valkey_data() / "appendonlydir")
    finally:
        os.kill(house.process.pid, signal.SIGCONT)
    yield from ()


@kind("valkey frozen 3 s", is_outage=True)
def freeze_valkey(house: House, random: Random) -> Iterator[float]:
    yield from _frozen([house.valkey()], 3)


@kind("valkey frozen 15 s", is_outage=True)
def freeze_valkey_long(house: House, random: Random) -> Iterator[float]:
    """Longer than every timeout of those who wait for it."""
    yield from _frozen([house.valkey()], 15)


@kind("postgres frozen 3 s", is_outage=True)
def freeze_postgres(house: House, random: Random) -> Iterator[float]:
    """Nobody looks on meanwhile: whoever asks it now waits, and could not wake it."""
    for seconds in _frozen(_family(house.postgres()), 3):
        sleep(seconds)
    yield from ()


@kind("postgres restarted fast")
def restart_postgres(house: House, random: Random) -> Iterator[float]:
    _signal(house.postgres(), signal.SIGINT)
    yield from ()


@kind("postgres restarted at once")
def stop_postgres(house: House, random: Random) -> Iterator[float]:
    """Immediate shutdown: it recovers from its log."""
    _signal(house.postgres(), signal.SIGQUIT)
    yield from ()


@kind("postgres killed")
def kill_postgres(house: House, random: Random) -> Iterator[float]:
    _kill(house.postgres())
    yield from ()

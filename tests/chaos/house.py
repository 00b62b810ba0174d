"""The house under attack: started as a person starts it, its processes found by what they are."""

import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import redis
from django.conf import settings
from django.db import connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from alphapanda import connection as redis_connection
from alphapanda import embedded, processes, program
from alphapanda.account import server_account
from alphapanda.celery import queue_names
from alphapanda.connection import PREFIX
from alphapanda.database import parse_database_url
from alphapanda.heartbeat import node_name
from alphapanda.house import running_house
from alphapanda.program import Child, Program, processes_of
from tests.chaos.waiting import wait_for

START_SECONDS = 120
STOP_SECONDS = 20
PORTFOLIOS = ("portfolios-0", "portfolios-1")
CHILDLESS = (*PORTFOLIOS, "valuation")
WORKERS = ("ingest", "strategies-0", "strategies-1", *CHILDLESS)
_UP = (sys.executable, "manage.py", "up", "--feed", "none", "--no-web")


class House:
    """`strangers` are processes that the saboteur adds to it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.strangers: list[Child] = []
        self.process: Child

    def start(self) -> None:
        self.begin()
        wait_for(self.is_ready, START_SECONDS, "the house is ready")
        self.use_servers()

    def begin(self) -> None:
        """Ends with us whatever happens."""
        self.process = program.start(Program(name="house", command=_UP), self.home)

    def is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"the house ended:\n{self.last_words()}")
        about = running_house(self.home)
        return bool(about.get("ready")) and about["pid"] == self.process.pid

    def last_words(self) -> str:
        return program.last_lines(Program(name="house", command=()), self.home, 20)

    def use_servers(self) -> None:
        """Their ports may have moved at the start."""
        kept = embedded.addresses(self.home)
        connection.close()
        connection.settings_dict.update(parse_database_url(kept.database_url))
        settings.REDIS_URL = kept.redis_url
        redis_connection.connection.cache_clear()
        self.redis = redis.Redis.from_url(
            kept.redis_url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
        )
        self.database_url, self.redis_url = kept.database_url, kept.redis_url

    def stop(self) -> list[int]:
        """Ends it the way Ctrl-C does; returns what was left of it, which is killed."""
        for stranger in self.strangers:
            program.kill(stranger)
        self.process.send_signal(signal.SIGTERM)
        with suppress(Exception):
            self.process.wait(STOP_SECONDS)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        left = processes_of(self.home)
        program.kill_leftovers(self.home)
        return left

    # Who is who

    def members(self) -> list[psutil.Process]:
        """Direct children of the supervisor."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children()
        return []

    def worker(self, name: str) -> psutil.Process:
        """The newest process that runs this worker."""
        return self._newest(f"-n {node_name(name)} ")

    def beat(self) -> psutil.Process:
        return self._newest("alphapanda beat")

    def postgres(self) -> psutil.Process:
        return self._newest("bin/postgres ")

    def valkey(self) -> psutil.Process:
        return self._newest("valkey-server")

    def child_of(self, name: str, pick: int) -> psutil.Process:
        """A process of the worker's pool, which may be itself."""
        if name in CHILDLESS:
            return self.worker(name)

        def pool() -> list[psutil.Process]:
            with suppress(psutil.NoSuchProcess):
                return sorted(self.worker(name).children(), key=lambda p: p.pid)
            return []

        children = wait_for(pool, 30, f"{name} has a pool")
        return children[pick % len(children)]

    def _newest(self, words: str) -> psutil.Process:
        def found() -> list[psutil.Process]:
            return [p for p in self.members() if words in _command(p)]

        return max(wait_for(found, 30, f"a process {words!r}"), key=lambda p: p.create_time())

    def valkey_data(self) -> Path:
        return embedded.servers_directory(self.home, server_account()) / "valkey"

    # Its state

    def beating(self) -> set[str]:
        """Names of the workers of which a living process beats."""
        return {name for name in WORKERS if any(self._beats(name))}

    def _beats(self, name: str) -> Iterator[bool]:
        for beat in self.redis.scan_iter(f"{PREFIX}beat:{node_name(name)}:*", count=1_000):
            yield Path(f"/proc/{beat.rpartition(b':')[2].decode()}").exists()

    def queued(self) -> dict[str, int]:
        lengths = {name: int(self.redis.llen(PREFIX + name)) for name in queue_names()}
        return {name: length for name, length in lengths.items() if length}

    def stopped(self) -> list[str]:
        """Processes that nobody has continued."""
        return [_command(p) for p in self.everybody() if _status(p) == psutil.STATUS_STOPPED]

    def workers_alive(self) -> dict[str, int]:
        """How many processes run each worker: one, when nothing is left over."""
        commands = [_command(p) for p in self.members()]
        return {name: sum(f"-n {node_name(name)} " in c for c in commands) for name in WORKERS}

    def everybody(self) -> Iterator[psutil.Process]:
        for pid in processes_of(self.home):
            with suppress(psutil.NoSuchProcess):
                yield psutil.Process(pid)

    # Strangers

    def add_worker(self, name: str, queue: str) -> Child:
        return self._add(processes.worker(name, queue, 1))

    def add_beat(self) -> Child:
        return self._add(processes.beat())

    def _add(self, guest: Program) -> Child:
        child = program.start(guest, self.home)
        self.strangers.append(child)
        return child

    def remove(self, stranger: Child) -> None:
        program.kill(stranger)
        self.strangers.remove(stranger)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) + " "
    except psutil.Error:
        return ""


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.Error:
        return ""

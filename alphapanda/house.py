"""One house on one machine: its lock, its servers, its processes, until somebody stops it."""

import fcntl
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from alphapanda import embedded, processes
from alphapanda.account import make_home
from alphapanda.environment import Environment
from alphapanda.errors import ConfigurationError
from alphapanda.heartbeat import Listener
from alphapanda.outside_servers import check_postgres, check_redis
from alphapanda.ports import LOOPBACK, Reservations
from alphapanda.preloading import begin_anew, preload
from alphapanda.processes import Plan
from alphapanda.program import Program, kill_leftovers, last_lines
from alphapanda.supervisor import LOOK_SECONDS, Report, Supervisor

_SERVER_SECONDS = 60.0
_PROCESS_SECONDS = 90.0


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Only one house uses a home at a time; the lock goes with the process."""
    make_home(home)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(_who_runs(home)) from None
        try:
            yield
        finally:
            house_file(home).unlink(missing_ok=True)


def house_file(home: Path) -> Path:
    return home / "house.json"


def running_house(home: Path) -> dict[str, object]:
    """What the running house wrote about itself; empty while there is none."""
    try:
        return dict(json.loads(house_file(home).read_text()))
    except (OSError, ValueError):
        return {}


def _who_runs(home: Path) -> str:
    house = running_house(home)
    who = f"process {house['pid']} at {house['url'] or house['flower_url']}" if house else "just starting"
    return f"a house runs on {home} already ({who}): stop it first, or set ALPHAPANDA_HOME to another directory"


def write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def demo_password(environment: Environment) -> str:
    """DEMO_PASSWORD, or a random one that is made once."""
    if environment.demo_password:
        return environment.demo_password.get_secret_value()
    path = environment.alphapanda_home / "demo_password"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(12))
    return path.read_text().strip()


def make_plan(environment: Environment, ports: Reservations, *, with_web: bool) -> Plan:
    return Plan(
        home=environment.alphapanda_home,
        port=ports.choose("PORT", environment.port, 8000) if with_web else None,
        flower_port=ports.choose("FLOWER_PORT", environment.flower_port, 5555),
        shards=environment.strategy_shards,
        ingest_concurrency=environment.ingest_concurrency,
    )


@dataclass(slots=True)
class House:
    """Built step by step by `open`; `close` ends whatever was started."""

    environment: Environment
    plan: Plan
    feed: str
    report: Report
    supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        listener = Listener(self.environment.redis_url)
        self.supervisor = Supervisor(self.plan.home, self.report, listener)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.plan.port}" if self.plan.port else ""

    @property
    def flower_url(self) -> str:
        return f"http://{LOOPBACK}:{self.plan.flower_port}"

    def open(self) -> None:
        """Errors: ConfigurationError saying what does not come up; Stopped when asked to stop meanwhile."""
        self._write_about_itself(ready=False)
        self._start_servers()
        preload()
        self.supervisor.wait_until_ready(list(self.supervisor.posts), _SERVER_SECONDS)
        self._prepare_database()
        self._start_processes()
        self._write_about_itself(ready=True)

    def keep(self, look: Callable[[], None]) -> None:
        """Until it is asked to stop; `look` is called several times a second."""
        while not self.supervisor.stopping:
            self.supervisor.watch()
            look()
            time.sleep(LOOK_SECONDS)

    def close(self) -> None:
        self.report("stopping")
        self.supervisor.stop()
        self.report("stopped")

    def states(self) -> dict[str, str]:
        return {name: post.state for name, post in self.supervisor.posts.items()}

    def troubles(self) -> dict[str, str]:
        return {name: state for name, state in self.states().items() if state != "running"}

    @property
    def password_place(self) -> str:
        """Where the demo user's password can be read; it is shown nowhere."""
        return "DEMO_PASSWORD" if self.environment.demo_password else str(self.plan.home / "demo_password")

    def _start_servers(self) -> None:
        home, kept = self.plan.home, embedded.addresses(self.plan.home)
        own_postgres = self.environment.database_url == kept.database_url
        own_redis = self.environment.redis_url == kept.redis_url
        if not own_postgres:
            check_postgres(self.environment.database_url)
        if not own_redis:
            check_redis(self.environment.redis_url)
        if own_postgres:
            self.report("starting", part="postgres")
            self.supervisor.start(embedded.postgres_program(home))
        if own_redis:
            self.supervisor.start(embedded.valkey_program(home))

    def _prepare_database(self) -> None:
        password = {"DEMO_PASSWORD": demo_password(self.environment)}
        self._run(processes.manage("migrate", "migrate", "--no-input"))
        self._run(processes.manage("seed", "seed", "--feed", self.feed, environment=password))

    def _run(self, program: Program) -> None:
        self.report("running", part=program.name)
        if self.supervisor.run(replace(program, begin_fork=begin_anew)) != 0:
            raise ConfigurationError(f"{program.name} failed:\n{last_lines(program, self.plan.home)}")

    def _start_processes(self) -> None:
        login = [f"demo:{demo_password(self.environment)}"]
        write_private(processes.flower_configuration(self.plan.home), f"basic_auth = {login!r}\nmax_tasks = 5_000\n")
        programs = [replace(program, begin_fork=begin_anew) for program in processes.pipeline(self.plan)]
        for program in programs:
            self.supervisor.start(program)
        self.supervisor.wait_until_ready([program.name for program in programs], _PROCESS_SECONDS)

    def _write_about_itself(self, *, ready: bool) -> None:
        about = {
            "pid": os.getpid(),
            "ready": ready,
            "url": self.url,
            "port": self.plan.port,
            "flower_url": self.flower_url,
            "flower_port": self.plan.flower_port,
        }
        write_private(house_file(self.plan.home), json.dumps(about))


def settle(environment: Environment) -> None:
    """Before anything is started: leftovers ended, ports of the servers free, or this process begun anew."""
    home = environment.alphapanda_home
    kill_leftovers(home)
    if not _uses_embedded(environment):
        return
    if embedded.renew_ports(home, (environment.port, environment.flower_port)):
        sys.stdout.flush()
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606  (the settings hold the old ports)


def _uses_embedded(environment: Environment) -> bool:
    kept = embedded.addresses(environment.alphapanda_home)
    return environment.database_url == kept.database_url or environment.redis_url == kept.redis_url

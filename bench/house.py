"""A house of the bench's own: real servers, durable as always, real workers, in a directory that goes with it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from django.conf import settings
from django.db import connection as database

from alphapanda import connection as redis_connection
from alphapanda import embedded
from alphapanda.account import OUTSIDE_NOTE
from alphapanda.celery import app
from alphapanda.database import parse_database_url
from alphapanda.house import running_house
from alphapanda.program import end_with, kill_leftovers, processes_of

START_SECONDS = 120
STOP_SECONDS = 30
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class House:
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return str(running_house(self.home)["url"])

    def processes(self) -> list[int]:
        """Also those that hide whose they are behind a title of their own, as PostgreSQL's do."""
        known = {self.process.pid, *processes_of(self.home)}
        parents = dict(filter(None, map(_parent, Path("/proc").glob("[0-9]*"))))
        while more := {child for child, parent in parents.items() if parent in known} - known:
            known |= more
        return sorted(known)

    def cpu_seconds(self) -> float:
        """Of all its processes so far, servers and ended children included."""
        return sum(map(_cpu_seconds, self.processes()))

    def memory(self) -> int:
        """Bytes, what is shared counted once (PSS)."""
        return sum(map(proportional_memory, self.processes()))

    def most_memory(self) -> int:
        """Bytes that its Celery processes have had at most so far, each for itself."""
        return sum(map(_most_memory, self.processes()))


@contextmanager
def house(shards: int = 2, *options: str, home: Path | None = None) -> Iterator[House]:
    """Without feed and web unless `options` of `up` say otherwise. Its servers become those of this process."""
    with _folder(home) as folder:
        environment = {**os.environ, "ALPHAPANDA_HOME": str(folder), "STRATEGY_SHARDS": str(shards)}
        for name in ("DATABASE_URL", "REDIS_URL", "PORT", "FLOWER_PORT"):
            environment.pop(name, None)
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", *(options or ("--feed", "none", "--no-web"))],
            cwd=CHECKOUT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=partial(end_with, os.getpid(), signal.SIGTERM),  # noqa: PLW1509  (no thread holds a lock here)
        )
        try:
            wait_for(lambda: _is_ready(folder, process), START_SECONDS, f"the house on {folder} is ready")
            use_servers(folder, shards)
            yield House(folder, process)
        finally:
            database.close()
            _stop(process, folder)


def use_servers(home: Path, shards: int) -> None:
    kept = embedded.addresses(home)
    database.close()
    database.settings_dict.update(parse_database_url(kept.database_url))
    settings.REDIS_URL = kept.redis_url
    settings.ALPHAPANDA_HOME = home
    settings.STRATEGY_SHARDS = shards
    redis_connection.connection.cache_clear()
    app.conf.broker_url = kept.redis_url
    app._pool = app.amqp._producer_pool = None  # they keep connections to the servers of the house before


def wait_for(condition: Callable[[], object], seconds: float, what: str, every: float = 0.02) -> None:
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        sleep(every)


def proportional_memory(pid: int) -> int:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return 1_024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return 0


def _most_memory(pid: int) -> int:
    with suppress(OSError, StopIteration):
        place = Path(f"/proc/{pid}")
        if b"celery" in (place / "cmdline").read_bytes():
            lines = (place / "status").read_text().splitlines()
            return 1_024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    return 0


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A directory that the servers' account reaches."""
    path = Path(tempfile.mkdtemp(prefix="alphapanda-bench-")).resolve()
    path.chmod(0o711)
    try:
        yield path
    finally:
        for note in path.rglob(OUTSIDE_NOTE):
            shutil.rmtree(note.read_text())
        shutil.rmtree(path)


@contextmanager
def _folder(home: Path | None) -> Iterator[Path]:
    if home is not None:
        yield home
        return
    with temporary_home() as made:
        yield made


def _is_ready(home: Path, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the house on {home} ended with {process.returncode}")
    about = running_house(home)
    return bool(about.get("ready")) and about["pid"] == process.pid


def _stop(process: subprocess.Popen[bytes], home: Path) -> None:
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    if process.poll() is None:
        process.kill()
        process.wait()
    kill_leftovers(home)


def _parent(entry: Path) -> tuple[int, int] | None:
    """A process and its parent; None when it is gone."""
    with suppress(OSError):
        return int(entry.name), int(_stat(int(entry.name))[1])
    return None


def _cpu_seconds(pid: int) -> float:
    with suppress(OSError):
        return sum(map(int, _stat(pid)[11:15])) / TICKS_A_SECOND
    return 0.0


def _stat(pid: int) -> list[str]:
    """The fields behind the process's name."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()

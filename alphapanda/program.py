"""A program of the house and how it is started: it never outlives the process that started it."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from alphapanda import forking
from alphapanda.account import OURSELVES, Account
from alphapanda.forking import Fork

MARK = "ALPHAPANDA_HOUSE"  # in the environment of every executed process of a house: the home it belongs to
MARK_FILE = "house.mark"  # in the home, held open by every fork
_LOG_BYTES = 20_000_000
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_CHECKOUT = Path(__file__).resolve().parent.parent

Child = subprocess.Popen[bytes] | Fork


def always() -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """`is_ready` asks whether it does its work; `node` names a Celery worker, which beats in Redis. One of Python that
    has `begin_fork` is a fork of the process that starts it and does that first (only on Linux, where forks are safe).
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    account: Account = OURSELVES
    directory: Path = _CHECKOUT
    stop_signal: signal.Signals = signal.SIGTERM
    is_server: bool = False  # stopped after everything that uses it
    is_ready: Callable[[], bool] = always
    node: str | None = None
    begin_fork: Callable[[], None] | None = None


def start(program: Program, home: Path) -> Child:
    """In a session of its own (a terminal's Ctrl-C is ours to pass on), output to `<home>/logs`.

    To be called by the main thread: the kernel ends the child together with the thread that made it.
    """
    with log_file(program, home).open("ab") as log:
        if program.begin_fork and _LIBC is not None:
            be_program = partial(_be, program, home, os.getpid(), program.begin_fork)
            with (home / MARK_FILE).open("ab") as mark:
                return forking.fork(be_program, log.fileno(), mark.fileno())
        return subprocess.Popen(  # noqa: S603
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_whole_environment(program, home),
            cwd=program.directory,
            user=program.account.uid,
            group=program.account.gid,
            extra_groups=program.account.extra_groups,
            start_new_session=True,
            preexec_fn=partial(end_with, os.getpid(), signal.SIGKILL),  # noqa: PLW1509  (the starter has one thread)
        )


def _be(program: Program, home: Path, parent: int, begin: Callable[[], None]) -> None:
    """In a fork: what it takes to be the program."""
    end_with(parent, signal.SIGKILL)
    os.chdir(program.directory)
    os.environ.update({**program.environment, MARK: str(home)})
    begin()
    forking.run_command(program.command)


def _whole_environment(program: Program, home: Path) -> dict[str, str]:
    """Servers run as another user, who has no business with our secrets."""
    inherited = {} if program.is_server else os.environ
    return {**inherited, **program.environment, MARK: str(home)}


def end_with(parent: int, number: signal.Signals) -> None:
    """In the child, after it changed its user: it gets a signal when its parent dies, however that dies."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def log_file(program: Program, home: Path) -> Path:
    logs = home / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    path = logs / f"{program.name}.log"
    path.touch(mode=0o600)
    return path


def bound_log(program: Program, home: Path) -> None:
    """Keeps one older part; the writer appends, so it goes on at the start of the emptied file."""
    path = log_file(program, home)
    if path.stat().st_size > _LOG_BYTES:
        path.with_suffix(".log.1").write_bytes(path.read_bytes())
        os.truncate(path, 0)


def last_lines(program: Program, home: Path, count: int = 8) -> str:
    return "\n".join(log_file(program, home).read_text(errors="replace").splitlines()[-count:])


def kill(child: Child) -> None:
    """The process and its group: the children of a Celery worker as well."""
    signal_group(child, signal.SIGKILL)
    child.wait()


def signal_group(child: Child, number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return


def processes_of(home: Path) -> list[int]:
    """Every process of this home's house except ourselves, whoever started it."""
    entries = [entry for entry in Path("/proc").glob("[0-9]*") if entry.name != str(os.getpid())]
    mark = (home / MARK_FILE).resolve()
    return [int(entry.name) for entry in entries if _is_marked(entry, home) or _holds(entry, mark)]


def _is_marked(entry: Path, home: Path) -> bool:
    try:
        return f"{MARK}={home}".encode() in (entry / "environ").read_bytes().split(b"\0")
    except OSError:  # gone, or another user's
        return False


def _holds(entry: Path, mark: Path) -> bool:
    """What a fork says in `ps` lies over its environment, so it holds a file that nobody else opens."""
    try:
        return any(_target(descriptor) == mark for descriptor in (entry / "fd").iterdir())
    except OSError:  # gone, or another user's
        return False


def _target(descriptor: Path) -> Path | None:
    try:
        return descriptor.readlink()
    except OSError:  # closed meanwhile
        return None


def kill_leftovers(home: Path) -> int:
    """How many processes a house that was itself killed had left behind."""
    leftovers = processes_of(home)
    for pid in leftovers:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return len(leftovers)

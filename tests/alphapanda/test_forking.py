import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest

from alphapanda.program import MARK_FILE, Program, always, kill, kill_leftovers, log_file, processes_of, start

PRINTS = "import os, sys; print(*sys.argv[1:], os.environ['COLOUR'], open('/proc/self/cmdline').read())"
SLEEPS = "import time; time.sleep(600)"
DESCRIPTORS = """
import os
from contextlib import suppress
for fd in os.listdir("/proc/self/fd"):
    with suppress(FileNotFoundError):  # that of the listing itself
        print(os.readlink(f"/proc/self/fd/{fd}"))
"""


@pytest.fixture
def fork(home: Path):
    """Starts code as a file of Python, forked from this process."""
    started = []

    def start_fork(code: str, *arguments: str, name: str = "forked"):
        file = home / f"{name}.py"
        file.write_text(code)
        command = (sys.executable, str(file), *arguments)
        program = Program(name=name, command=command, environment={"COLOUR": "green"}, begin_fork=always)
        started.append(start(program, home))
        return started[-1]

    yield start_fork
    for child in started:
        kill(child)


def output(home: Path, name: str = "forked") -> str:
    return log_file(Program(name=name, command=()), home).read_text()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = monotonic() + 15
    while not condition():
        assert monotonic() < deadline, "did not happen in time"
        sleep(0.02)


def test_a_fork_runs_its_command_shows_it_and_has_its_environment_and_log(fork, home):
    assert fork(PRINTS, "one", "two").wait(15) == 0
    shown = f"{sys.executable} {home / 'forked.py'} one two"
    assert output(home).rstrip("\0\n") == f"one two green {shown}"


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('no such thing')", 1, "no such thing\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, ""),
    ],
)
def test_a_fork_ends_as_an_executed_program_would(fork, home, code, status, words):
    assert fork(code).wait(15) == status
    assert output(home) == words


def test_what_a_fork_did_not_expect_stands_in_its_log(fork, home):
    assert fork("1 / 0").wait(15) == 1
    assert output(home).endswith("ZeroDivisionError: division by zero\n")


def test_a_fork_reaches_no_file_and_no_connection_of_its_parent(fork, home):
    with (home / "secret").open("w") as secret:
        assert fork(DESCRIPTORS).wait(15) == 0
        assert not secret.closed
    own = {str(home / "logs/forked.log"), str(home / MARK_FILE)}
    assert set(output(home).splitlines()) == {os.devnull, *own}


def test_the_parents_handlers_of_signals_are_not_the_forks(fork):
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        child = fork(SLEEPS)
        child.terminate()
        assert child.wait(15) == -signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)


def test_waiting_for_a_fork_has_an_end(fork):
    child = fork(SLEEPS)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.05)
    child.kill()
    assert child.wait() == -signal.SIGKILL


def test_a_fork_and_what_it_forks_are_known_as_processes_of_the_house(fork, home):
    child = fork(f"import os; os.fork(); {SLEEPS}")
    wait_for(lambda: len(processes_of(home)) == 2)
    kill(child)
    wait_for(lambda: processes_of(home) == [])


def test_whoever_writes_to_a_log_of_the_house_is_not_of_it(home, fork):
    """A person's own command, its output beside the others, was killed at the next start."""
    fork(SLEEPS, name="member")
    with (home / "logs/own.log").open("w") as own:
        stranger = subprocess.Popen([sys.executable, "-c", SLEEPS], stdout=own)
    try:
        assert kill_leftovers(home) == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


PARENT = f"""
import sys
from pathlib import Path
from alphapanda.program import MARK_FILE, Program, always, start

file = Path(sys.argv[1]) / "sleeps.py"
file.write_text({SLEEPS!r})
print(start(Program(name="forked", command=(sys.executable, str(file)), begin_fork=always), Path(sys.argv[1])).pid)
"""


def test_a_fork_ends_with_its_parent(home):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "alphapanda.settings"}
    command = [sys.executable, "-c", PARENT, str(home)]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    wait_for(lambda: processes_of(home) == [])

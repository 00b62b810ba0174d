import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from alphapanda.errors import ConfigurationError
from alphapanda.heartbeat import Listener, beat_key
from alphapanda.program import Program, kill_leftovers, processes_of
from alphapanda.supervisor import Stopped, Supervisor

SLEEPER = "import time; time.sleep(600)"
# A leader with a child in its group, as Celery has them; Celery's own end with their leader.
FAMILY = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
CELERY = """
import os, time
from celery.platforms import set_pdeathsig
if os.fork() == 0:
    set_pdeathsig("KILL")
    os.execlp("sleep", "sleep", "600")
time.sleep(600)
"""
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
BEATING = """
import os, sys, time, redis
client, key = redis.Redis.from_url(os.environ["REDIS_URL"]), f"ap:beat:{sys.argv[1]}:{os.getpid()}"
while True:
    client.set(key, 1, px=400)
    time.sleep(0.05)
"""


class Events(list):
    def __call__(self, event: str, **fields: object) -> None:
        self.append((event, fields))

    def names(self) -> list[str]:
        return [event for event, _ in self]


def python(name: str, code: str, *arguments: str, **fields: object) -> Program:
    return Program(name=name, command=(sys.executable, "-c", code, *arguments), **fields)


def wait_for(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def supervisor(home):
    house = Supervisor(home, Events(), Listener(os.environ["REDIS_URL"]), retire_seconds=1.0)
    yield house
    house.stop()
    house.listener.client.close()


def watched_until(supervisor: Supervisor, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 15
    supervisor.wait_until(lambda: bool(condition()) or time.monotonic() > deadline)
    assert condition()


def test_a_killed_program_is_started_again_at_once(supervisor):
    supervisor.start(python("sleeper", SLEEPER))
    post = supervisor.posts["sleeper"]
    first = post.child
    first.kill()
    watched_until(supervisor, lambda: post.child not in (None, first))
    assert supervisor.report.names() == ["started", "died", "started"]


def test_a_program_that_keeps_dying_is_started_less_and_less_often(supervisor):
    supervisor.start(python("broken", "raise SystemExit(3)"))
    watched_until(supervisor, lambda: supervisor.report.names().count("died") == 3)
    delays = [fields["starts_again_in"] for event, fields in supervisor.report if event == "died"]
    assert delays == [0.0, 1.0, 2.0]


def test_the_children_of_a_dead_program_are_gone_before_it_starts_again(supervisor, home):
    supervisor.start(python("family", FAMILY))
    wait_for(lambda: len(processes_of(home)) == 2)
    before = set(processes_of(home))
    supervisor.posts["family"].child.kill()
    watched_until(supervisor, lambda: len(set(processes_of(home)) - before) == 2)
    assert not before & set(processes_of(home))


def test_stop_ends_everything_and_servers_last(supervisor, home):
    supervisor.start(python("server", SLEEPER, is_server=True))
    supervisor.start(python("user", FAMILY))
    supervisor.stop()
    stopped = [fields["part"] for event, fields in supervisor.report if event == "stopped"]
    assert stopped == ["user", "server"]
    assert processes_of(home) == []


def test_a_silent_worker_is_replaced_and_then_killed(supervisor, redis):
    supervisor.start(python("worker", BEATING, "worker@here", node="worker@here"))
    supervisor.wait_until_ready(["worker"], 10)
    post = supervisor.posts["worker"]
    silent = post.child
    os.kill(silent.pid, signal.SIGSTOP)
    watched_until(supervisor, lambda: post.child is not silent)
    assert silent.poll() is None
    watched_until(supervisor, lambda: silent.poll() == -signal.SIGKILL)
    watched_until(supervisor, lambda: redis.get(beat_key("worker@here", post.child.pid)))


def test_a_program_that_does_not_come_up_is_named_with_the_end_of_its_log(supervisor):
    supervisor.start(python("broken", "raise SystemExit('no such thing')", is_ready=lambda: False))
    with pytest.raises(ConfigurationError, match=r"(?s)broken does not come up.*no such thing"):
        supervisor.wait_until_ready(["broken"], 60)


def test_waiting_ends_when_somebody_asks_to_stop(supervisor):
    supervisor.ask_to_stop()
    with pytest.raises(Stopped):
        supervisor.wait_until(lambda: False)


HOUSE = """
import sys, time
from pathlib import Path
from alphapanda.errors import ConfigurationError
from alphapanda.heartbeat import Listener
from alphapanda.program import Program
from alphapanda.supervisor import Supervisor

supervisor = Supervisor(Path(sys.argv[1]), lambda event, **_: print(event, flush=True), Listener("redis://127.0.0.1:1"))
supervisor.heed_signals()
for name, code in zip("abc", sys.argv[2:]):
    supervisor.start(Program(name=name, command=(sys.executable, "-c", code)))
while not supervisor.stopping:
    supervisor.watch()
    time.sleep(0.05)
supervisor.stop()
"""


@pytest.fixture
def start_house(home: Path):
    """Starts a supervisor in a process of its own."""
    started = []

    def start(*codes: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", HOUSE, str(home), *codes]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
    kill_leftovers(home)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_no_process_behind(start_house, home, number):
    house = start_house(FAMILY, SLEEPER)
    wait_for(lambda: len(processes_of(home)) == 3)
    house.send_signal(number)
    assert house.wait(timeout=5) == 0
    assert processes_of(home) == []


def test_who_ignores_the_signal_is_killed_within_15_seconds(start_house, home):
    house = start_house(DEAF)
    wait_for(lambda: len(processes_of(home)) == 1)
    house.terminate()
    assert house.wait(timeout=15) == 0
    assert processes_of(home) == []


def test_a_killed_supervisor_leaves_no_process_behind(start_house, home):
    house = start_house(CELERY, DEAF)
    wait_for(lambda: "sleep\n" in [Path(f"/proc/{pid}/comm").read_text() for pid in processes_of(home)])
    house.kill()
    wait_for(lambda: processes_of(home) == [])


def test_what_a_killed_supervisor_could_leave_is_ended_by_the_next(start_house, home):
    house = start_house(FAMILY)
    wait_for(lambda: len(processes_of(home)) == 2)
    house.kill()
    wait_for(lambda: len(processes_of(home)) == 1)
    assert kill_leftovers(home) == 1
    wait_for(lambda: processes_of(home) == [])


def test_what_cannot_be_started_now_is_tried_again(supervisor, home):
    """No memory for one more process must not end the house."""
    late = home / "late.sh"
    supervisor.start(Program(name="late", command=(str(late),)))
    assert "cannot_start" in supervisor.report.names()
    late.write_text("#!/bin/sh\nsleep 600\n")
    late.chmod(0o755)
    wait_for(lambda: supervisor.watch() or supervisor.posts["late"].child)

"""The house as a person starts it: real servers, real workers, a home and ports of its own."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from alphapanda.environment import CHECKOUT
from alphapanda.ports import LOOPBACK, find_free, is_free
from alphapanda.program import kill_leftovers, processes_of
from tests.servers import temporary_home

pytestmark = pytest.mark.house
STOP_SECONDS = 15
WORKERS = ("ingest", "strategies-0", "strategies-1", "portfolios-0", "portfolios-1", "valuation")
THEIRS = ("DATABASE_URL", "REDIS_URL", "CI", "DEMO_PASSWORD")  # of the session of tests


def wait_for(condition, seconds=60):
    deadline = monotonic() + seconds
    while not (found := condition()):
        assert monotonic() < deadline, f"did not happen within {seconds} s"
        sleep(0.1)
    return found


def manage(*arguments, home, **variables):
    """A command of manage.py on this home, as somebody calls it in a shell of their own."""
    inherited = {name: value for name, value in os.environ.items() if name not in THEIRS}
    return {
        "args": [sys.executable, "manage.py", *arguments],
        "cwd": CHECKOUT,
        "env": {**inherited, "ALPHAPANDA_HOME": str(home), **variables},
        "stdin": subprocess.DEVNULL,
    }


def outcome(*arguments, home, **variables):
    command = manage(*arguments, home=home, **variables)
    return subprocess.run(**command, capture_output=True, text=True, timeout=60, check=False)


class Running:
    """A house with its output in a file; one port for its life, so that it is found again after a restart."""

    def __init__(self, home: Path, **variables: str) -> None:
        self.variables = variables
        self.home, self.port, self.flower_port = home, find_free(), find_free()
        self.output = home / "output"

    @property
    def url(self):
        return f"http://{LOOPBACK}:{self.port}"

    def start(self):
        ports = {"PORT": str(self.port), "FLOWER_PORT": str(self.flower_port), **self.variables}
        with self.output.open("w") as output:
            command = manage("up", home=self.home, **ports)
            self.process = subprocess.Popen(**command, stdout=output, stderr=subprocess.STDOUT)
        wait_for(lambda: self.is_ready() or self.process.poll() is not None, 120)
        assert self.process.poll() is None, self.output.read_text()
        self.login()

    def is_ready(self):
        return f"ready {self.url}\n" in self.output.read_text()

    def stop(self):
        """How many seconds it took."""
        begun = monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        return monotonic() - begun

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        kill_leftovers(self.home)

    def login(self):
        password = (self.home / "demo_password").read_text()
        self.token = ""
        self.token = self.ask("auth/token/", {"username": "demo", "password": password})["access"]

    def ask(self, path, body=None, method=None):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def fills(self):
        """The newest ones."""
        return self.ask("fills/")["results"]

    def demo(self):
        return self.ask("portfolios/?name=demo")["results"][0]

    def worker(self, name):
        """The process that runs the worker now; its children are not in the same group as its parent."""
        members = psutil.Process(self.process.pid).children()
        found = [p for p in members if f"-n {name}@" in command_of(p)]
        return found[0] if found else None


def command_of(process):
    """Nothing of one that has just ended."""
    try:
        return " ".join(process.cmdline())
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return ""


@pytest.fixture(scope="module")
def house():
    """Started once; the limit of trades a day is off, so that fills never end."""
    with temporary_home("house") as home:
        running = Running(home)
        try:
            running.start()
            running.ask(f"risk/limits/{running.demo()['id']}/", {"max_trades_per_day": None}, "PATCH")
            yield running
        finally:
            running.kill()


def test_the_ready_line_comes_with_the_addresses_and_where_the_password_is(house):
    lines = house.output.read_text().splitlines()
    assert [line for line in lines if not line.startswith("{")] == [
        f"ready {house.url}",
        f"admin {house.url}/admin/",
        f"flower http://{LOOPBACK}:{house.flower_port}",
        f"login demo, password in {house.home}/demo_password",
    ]


def test_what_is_no_line_for_people_is_json(house):
    lines = house.output.read_text().splitlines()
    assert {json.loads(line)["event"] for line in lines if line.startswith("{")} >= {"started", "up"}


def test_fills_appear_and_the_equity_moves(house):
    equity = house.demo()["equity"]
    wait_for(house.fills)
    wait_for(lambda: house.demo()["equity"] != equity)


def test_the_doctor_finds_nothing(house):
    found = outcome("doctor", home=house.home)
    assert (found.returncode, "BAD" in found.stdout) == (0, False), found.stdout


def test_killed_workers_are_started_again_and_fills_go_on(house):
    before = {name: house.worker(name) for name in WORKERS}
    for worker in before.values():
        worker.kill()
    newest = wait_for(house.fills)[0]
    wait_for(lambda: all((now := house.worker(name)) and now.pid != before[name].pid for name in WORKERS))
    wait_for(lambda: house.fills()[0]["tick"] > newest["tick"])


def test_a_second_house_on_the_same_home_is_refused_with_one_message(house):
    second = outcome("up", home=house.home)
    assert second.returncode == 1
    assert second.stderr == (
        f"CommandError: a house runs on {house.home} already (process {house.process.pid} at {house.url}): "
        "stop it first, or set ALPHAPANDA_HOME to another directory\n"
    )


def test_no_secret_is_in_a_command_line_or_in_a_log(house):
    kept = json.loads((house.home / "servers.json").read_text())
    secrets = [(house.home / name).read_text() for name in ("demo_password", "secret_key")]
    secrets += [server["password"] for server in kept.values()]
    words = [" ".join(psutil.Process(pid).cmdline()) for pid in processes_of(house.home)]
    words += [log.read_text(errors="replace") for log in (house.home / "logs").iterdir()]
    assert not [secret for secret in secrets for text in [*words, house.output.read_text()] if secret in text]


def test_sigterm_ends_everything_and_a_restart_keeps_what_was_filled(house):
    fills = house.fills()
    assert house.stop() < STOP_SECONDS
    assert processes_of(house.home) == []
    assert [port for port in (house.port, house.flower_port) if not is_free(port)] == []
    house.start()
    assert [house.ask(f"fills/{fill['id']}/") for fill in fills] == fills


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("STRATEGY_SHARDS", "abc", "Error: STRATEGY_SHARDS: Input should be a valid integer"),
        ("DATABASE_URL", "postgresql://me:s3cret@127.0.0.1:1/name", "CommandError: DATABASE_URL: no connection to "),
    ],
)
def test_what_hinders_the_start_is_one_line_without_a_secret(home, variable, value, message):
    done = outcome("up", home=home, **{variable: value})
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]  # the rest is JSON
    assert done.returncode == 1
    assert [line.startswith(message) for line in lines] == [True], done.stderr
    assert "s3cret" not in done.stdout + done.stderr

"""Proves the first command: `make run` in a fresh clone brings fills and a moving equity, and leaves nothing behind.

Usage: first_command.py CLONE HOME. Standard library only, and nothing of the project: it looks from outside.
"""

# ruff: noqa: S310, S607, T201  (a script: it speaks, calls make, and asks our own addresses)

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

READY_SECONDS = 900  # packages are downloaded first
RESULT_SECONDS = 60
STOP_SECONDS = 15
QUEUES = {"ingest", "strategies.0", "strategies.1", "risk", "execution", "portfolio"}
OURS = (
    "DATABASE_URL",
    "REDIS_URL",
    "DEMO_PASSWORD",
    "STRATEGY_SHARDS",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "MAKEFLAGS",
    "ARGS",
)


class ProofError(Exception):
    """Something that was promised does not hold."""


def main(clone: Path, home: Path) -> None:
    ports = free_ports(2)
    with first_command(clone, home, ports) as house:
        url = ready_url(house, home)
        if url != f"http://127.0.0.1:{ports[0]}":
            raise ProofError(f"PORT is {ports[0]}, but it is ready at {url}")
        password = (home / "demo_password").read_text().strip()
        prove_trading(url, password)
        prove_workers(f"http://127.0.0.1:{ports[1]}", password)
        prove_stop(house, home, [*ports, *server_ports(home)])


@contextmanager
def first_command(clone: Path, home: Path, ports: list[int]) -> Iterator[subprocess.Popen[bytes]]:
    """Whatever happens, nothing of it runs on afterwards."""
    home.mkdir(mode=0o711)
    inherited = {name: value for name, value in os.environ.items() if name not in OURS}
    chosen = {"ALPHAPANDA_HOME": str(home), "PORT": str(ports[0]), "FLOWER_PORT": str(ports[1])}
    with output(home).open("wb") as log:
        house = subprocess.Popen(
            ["make", "run"],
            cwd=clone,
            env={**inherited, **chosen},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield house
    except ProofError:
        show_logs(home)
        raise
    finally:
        kill(house, processes_of(home))


def kill(house: subprocess.Popen[bytes], others: list[int]) -> None:
    house.kill()
    house.wait()
    for pid in others:
        with suppress(ProcessLookupError):  # most go with the one that started them
            os.kill(pid, signal.SIGKILL)


def ready_url(house: subprocess.Popen[bytes], home: Path) -> str:
    def line() -> str | None:
        if house.poll() is not None:
            raise ProofError(f"make run ended with exit code {house.returncode}")
        lines = output(home).read_text(errors="replace").splitlines()
        return next((line for line in lines if line.startswith("ready http://")), None)

    return str(wait_for("the ready line", READY_SECONDS, line)).split()[1]


def prove_trading(url: str, password: str) -> None:
    login = json.dumps({"username": "demo", "password": password}).encode()
    token = fetch(f"{url}/api/auth/token/", {"Content-Type": "application/json"}, login)["access"]

    def rows(path: str) -> list[dict[str, Any]]:
        return list(fetch(f"{url}/api/{path}/", {"Authorization": f"Bearer {token}"})["results"])

    equities: set[str] = set()

    def result() -> object:
        equities.update(row["equity"] for row in rows("portfolios") if row["name"] == "demo")
        return rows("fills") and len(equities) > 1

    wait_for("fills and a moving equity", RESULT_SECONDS, result)


def prove_workers(url: str, password: str) -> None:
    login = base64.b64encode(f"demo:{password}".encode()).decode()

    def all_consumed() -> bool:
        workers = fetch(f"{url}/api/workers?refresh=1", {"Authorization": f"Basic {login}"})
        return {queue["name"] for worker in workers.values() for queue in worker.get("active_queues", [])} >= QUEUES

    wait_for(f"workers in Flower on {', '.join(sorted(QUEUES))}", RESULT_SECONDS, all_consumed)


def prove_stop(house: subprocess.Popen[bytes], home: Path, ports: list[int]) -> None:
    house.send_signal(signal.SIGTERM)
    wait_for("its end after SIGTERM", STOP_SECONDS, lambda: house.poll() is not None)
    if left := processes_of(home):
        raise ProofError(f"processes left behind: {[command(pid) for pid in left]}")
    if busy := [port for port in ports if not is_free(port)]:
        raise ProofError(f"ports still taken: {busy}")


def wait_for(what: str, seconds: float, condition: Callable[[], object]) -> object:
    begun = monotonic()
    while not (found := condition()):
        if monotonic() - begun > seconds:
            raise ProofError(f"no sign of {what} after {seconds} s")
        sleep(0.25)
    print(f"{what}: after {monotonic() - begun:.1f} s", flush=True)
    return found


def fetch(url: str, headers: dict[str, str], data: bytes | None = None) -> Any:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
            return json.load(answer)
    except OSError as error:
        raise ProofError(f"{url}: {error}") from error


def processes_of(home: Path) -> list[int]:
    """By environment, command line or where they write to, whoever runs them."""
    mark = str(home).encode()
    entries = [entry for entry in Path("/proc").glob("[0-9]*") if int(entry.name) != os.getpid()]
    return [int(e.name) for e in entries if any(mark in seen for seen in traces(e))]


def traces(entry: Path) -> Iterator[bytes]:
    yield from (content(entry / "environ"), content(entry / "cmdline"))
    with suppress(OSError):
        yield str((entry / "fd/1").readlink()).encode()


def command(pid: int) -> str:
    return content(Path(f"/proc/{pid}/cmdline")).replace(b"\0", b" ").decode()


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone meanwhile
        return b""


def server_ports(home: Path) -> list[int]:
    return [server["port"] for server in json.loads((home / "servers.json").read_text()).values()]


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def output(home: Path) -> Path:
    return home / "make_run.log"


def show_logs(home: Path) -> None:
    for log in [output(home), *sorted((home / "logs").glob("*.log"))]:
        lines = log.read_text(errors="replace").splitlines()[-15:]
        print(f"--- {log.name}", *lines, sep="\n", file=sys.stderr)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
    except ProofError as error:
        sys.exit(f"the first command is not proven: {error}")

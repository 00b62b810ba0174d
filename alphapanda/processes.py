"""The processes of one machine, as data."""

import signal
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from alphapanda.heartbeat import node_name
from alphapanda.ports import LOOPBACK
from alphapanda.program import Program

PORTFOLIO_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """`port` is None for a house without the web process."""

    home: Path
    port: int | None
    flower_port: int
    shards: int
    ingest_concurrency: int


def manage(name: str, *arguments: str, environment: dict[str, str] | None = None) -> Program:
    """A command of manage.py that ends by itself."""
    command = (sys.executable, "manage.py", *arguments)
    return Program(name=name, command=command, environment=environment or {})


def pipeline(plan: Plan) -> list[Program]:
    """Everything but the servers, in the order of their start."""
    shards = [worker(f"strategies-{n}", f"strategies.{n}", 1) for n in range(plan.shards)]
    return [
        *([] if plan.port is None else [web(plan.port)]),
        worker("ingest", "ingest", plan.ingest_concurrency),
        *shards,
        *(worker(f"portfolios-{n}", "risk,execution,sweep") for n in range(PORTFOLIO_WORKERS)),
        # What a portfolio is worth is worked out beside the path of orders, not in it, and for one at a time.
        worker("valuation", "portfolio"),
        beat(),
        flower(plan),
    ]


def web(port: int) -> Program:
    options = ("--host", LOOPBACK, "--port", str(port), "--no-access-log", "--lifespan", "off")
    graceful = ("--timeout-graceful-shutdown", "5")  # open event streams must not hold the stop
    return Program(
        name="web",
        command=(sys.executable, "-m", "uvicorn", "alphapanda.asgi:application", *options, *graceful),
        environment={"DATABASE_POOL": "true"},
        is_ready=lambda: _answers(f"http://{LOOPBACK}:{port}/api/health/live/"),
    )


def worker(name: str, queues: str, children: int = 0) -> Program:
    """Without children, it runs its tasks itself (`alphapanda/pool.py`), and does the one in its hands before it goes:
    a soft shutdown would wait inside of it until its time is over.
    """
    node = node_name(name)
    pool = ("-c", str(children)) if children else ("-P", "custom", "-c", "1")
    options = ("-n", node, "-Q", queues, *pool, "--without-gossip", "--without-mingle")
    return Program(
        name=name,
        command=(*_celery("worker"), *options),
        # SIGQUIT is Celery's soft shutdown: 5 s for running tasks, the rest is given back.
        stop_signal=signal.SIGQUIT if children else signal.SIGTERM,
        node=node,
    )


def beat() -> Program:
    """Its process number is not kept in a file."""
    return Program(name="beat", command=(*_celery("beat"), "--pidfile="))


def flower(plan: Plan) -> Program:
    """Its login is in `flower_configuration`: the arguments of a process can be read by everybody."""
    address = (f"--address={LOOPBACK}", f"--port={plan.flower_port}")
    return Program(
        name="flower",
        command=(*_celery("flower"), f"--conf={flower_configuration(plan.home)}", *address),
        is_ready=lambda: _answers(f"http://{LOOPBACK}:{plan.flower_port}/healthcheck"),
    )


def flower_configuration(home: Path) -> Path:
    return home / "flowerconfig.py"


def _celery(command: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "-A", "alphapanda", command)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  (our own, on loopback)
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False

"""Task queues and a hand-written pipeline: four stages for each pair of tick and strategy, measured one at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alphapanda import embedded, program
from bench import peers
from bench.house import temporary_home, wait_for


@dataclass(frozen=True, slots=True)
class Queue:
    """`times` is how many times the work of the slowest it gets."""

    module: str
    name: str
    package: str
    times: int


QUEUES = (
    Queue("celery_naive", "naive Celery chain", "celery", 1),
    Queue("celery_tuned", "tuned Celery", "celery", 2),
    Queue("huey", "Huey", "huey", 8),
    Queue("dramatiq", "Dramatiq", "dramatiq", 5),
    Queue("taskiq", "taskiq", "taskiq", 5),
    Queue("batches", "hand-written Redis pipeline, batches of 100", "redis", 400),
)


@dataclass(frozen=True, slots=True)
class Shot:
    rate: float  # pipelines a second
    count: int
    version: str


@contextmanager
def redis_server() -> Iterator[str]:
    """Address of one without persistence, which is the faster way."""
    with temporary_home() as home:
        server = embedded.valkey_program(home, fast=True)
        child = program.start(server, home)
        try:
            wait_for(server.is_ready, 30, "Redis for the peers is ready")
            yield embedded.addresses(home).redis_url
        finally:
            child.terminate()
            child.wait()


def shoot(queue: Queue, pipelines: int, redis_url: str, folder: Path) -> Shot:
    environment = {"BENCH_REDIS": redis_url, "BENCH_DONE": str(folder / "done"), "PYTHONPATH": str(peers.CHECKOUT)}
    arguments = (queue.module, pipelines * queue.times, queue.package)
    printed = peers.run(peers.PEERS, "bench.queues.drive", *arguments, environment={**os.environ, **environment})
    told = json.loads(printed.splitlines()[-1])
    return Shot(told["count"] / told["seconds"], told["count"], told["version"])

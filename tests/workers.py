"""A real worker process on the database of the test that starts it."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

from celery import current_app
from django.conf import settings

from alphapanda import processes, program


def wait_for(condition: Callable[[], object], seconds: float = 60) -> object:
    deadline = monotonic() + seconds
    while not (found := condition()):
        assert monotonic() < deadline, f"did not happen within {seconds} s"
        sleep(0.05)
    return found


def database_url() -> str:
    """Of the database that Django uses in tests."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{settings.DATABASES['default']['NAME']}").geturl()


def is_idle() -> bool:
    """Whether there is a worker, and it runs nothing."""
    return _running() == []


def is_busy() -> bool:
    """Whether there is a worker, and it knows that its child runs something: a task that it sent is not yet one."""
    return bool(_running())


def _running() -> list[object] | None:
    """None is without an answer."""
    answer = current_app.control.inspect(timeout=5, limit=1).active()
    return answer and [task for tasks in answer.values() for task in tasks]


@contextmanager
def worker(
    home: Path, queues: str, *tasks: str, children: int = 1, options: Sequence[str] = ()
) -> Iterator[program.Child]:
    """As a house would start it, and modules of more tasks; its log is `home`/logs/test.log."""
    planned = processes.worker("test", queues, children)
    command = (*planned.command, *options, *(part for module in tasks for part in ("-I", module)))
    child = program.start(replace(planned, command=command, environment={"DATABASE_URL": database_url()}), home)
    try:
        yield child
    finally:
        program.kill(child)

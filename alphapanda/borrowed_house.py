"""The house that a command needs: the one that runs, or one for the command's duration."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from django.conf import settings
from django.db import connection

from alphapanda.alive import is_alive
from alphapanda.connection import connection as redis_connection
from alphapanda.database import parse_database_url
from alphapanda.environment import read_environment
from alphapanda.errors import ConfigurationError
from alphapanda.house import running_house
from alphapanda.program import end_with

START_SECONDS = 120
STOP_SECONDS = 20


def is_ready(home: Path) -> bool:
    """Whether the house that wrote about itself lives; a killed one leaves its file behind."""
    house = running_house(home)
    return bool(house.get("ready")) and is_alive(int(str(house["pid"])))


@contextmanager
def borrowed_house(home: Path) -> Iterator[None]:
    """Uses the house on this home while it runs; otherwise starts one without feed and web, and ends it."""
    if is_ready(home):
        yield
        return
    house = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--feed", "none", "--no-web"],
        cwd=settings.BASE_DIR,
        stdout=sys.stderr,
        start_new_session=True,
        preexec_fn=partial(end_with, os.getpid(), signal.SIGTERM),  # noqa: PLW1509  (this command has one thread)
    )
    try:
        _wait_until_ready(home, house)
        _use_its_servers()
        yield
    finally:
        connection.close()
        house.terminate()
        house.wait(STOP_SECONDS)


def _wait_until_ready(home: Path, house: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + START_SECONDS
    while not is_ready(home):
        if house.poll() is not None:
            raise ConfigurationError("the house did not start; what it said stands above")
        if monotonic() > deadline:
            raise ConfigurationError(f"the house was not ready after {START_SECONDS} s")
        sleep(0.1)


def _use_its_servers() -> None:
    """Ports may have moved at the start."""
    environment = read_environment()
    connection.close()
    connection.settings_dict.update(parse_database_url(environment.database_url))
    settings.REDIS_URL = environment.redis_url
    redis_connection.cache_clear()

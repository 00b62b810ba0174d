"""pytest plugin: PostgreSQL and a Redis-compatible server of its own for one session of tests."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis as redis_client

from alphapanda import embedded
from alphapanda.account import OUTSIDE_NOTE

_OURS = ("PORT", "FLOWER_PORT", "DEMO_PASSWORD", "STRATEGY_SHARDS", "INGEST_CONCURRENCY")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config):
    """Before pytest-django reads the settings."""
    stack = ExitStack()
    early_config.add_cleanup(stack.close)
    start_servers(stack)
    return (yield)


def start_servers(stack: ExitStack) -> None:
    """The servers have a home of their own, so that a house under test has nothing of theirs in its home."""
    root = stack.enter_context(temporary_home("tests"))
    addresses = stack.enter_context(embedded.running(root / "servers", fast=True))
    home = root / "home"
    for variable in _OURS:
        os.environ.pop(variable, None)
    os.environ.update(ALPHAPANDA_HOME=str(home), DATABASE_URL=addresses.database_url, REDIS_URL=addresses.redis_url)


class temporary_home:  # noqa: N801  (a context manager, used like a function)
    """A directory that the servers' account reaches, removed at the end with what lay outside of it."""

    def __init__(self, name: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"alphapanda-{name}-")).resolve()
        self.path.chmod(0o711)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        for note in self.path.rglob(OUTSIDE_NOTE):
            shutil.rmtree(note.read_text())
        shutil.rmtree(self.path)


@pytest.fixture
def redis() -> Iterator[redis_client.Redis]:
    """A client of the session's server, which is empty."""
    client = redis_client.Redis.from_url(os.environ["REDIS_URL"])
    client.flushdb()
    yield client
    client.close()


@pytest.fixture
def home() -> Iterator[Path]:
    """A home for servers and houses that a test starts itself."""
    with temporary_home("test") as path:
        yield path

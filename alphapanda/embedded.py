"""PostgreSQL and a Redis-compatible server for one machine: where they listen and how they are run.

Django's settings import this module: `addresses` starts nothing, and nothing here imports Django.
"""

import json
import os
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from alphapanda import embedded_postgres, embedded_valkey, ports, program
from alphapanda.account import make_home, server_account, servers_directory
from alphapanda.errors import ConfigurationError
from alphapanda.program import Program

_START_SECONDS = 60  # PostgreSQL may have to recover first


@dataclass(frozen=True, slots=True)
class Listener:
    port: int
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Addresses:
    postgres: Listener
    valkey: Listener

    @property
    def database_url(self) -> str:
        return embedded_postgres.url(self.postgres.port, self.postgres.password)

    @property
    def redis_url(self) -> str:
        return embedded_valkey.url(self.valkey.port, self.valkey.password)


def addresses(home: Path) -> Addresses:
    """Kept in `<home>/servers.json`, made at the first call."""
    path = home / "servers.json"
    try:
        if not path.exists():
            make_home(home)
            _write(path, Addresses(_new_listener(), _new_listener()), unless_there=True)
        kept = json.loads(path.read_text())
        return Addresses(Listener(**kept["postgres"]), Listener(**kept["valkey"]))
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}; set ALPHAPANDA_HOME") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} is damaged: {error}") from error


def renew_ports(home: Path, others: Collection[int | None] = ()) -> bool:
    """Ports that were taken while the servers were down, or that `others` of the house will take, are changed; tells
    whether any was.
    """
    old = addresses(home)
    new = Addresses(_with_free_port(old.postgres, others), _with_free_port(old.valkey, others))
    if new == old:
        return False
    _write(home / "servers.json", new)
    return True


def _new_listener() -> Listener:
    return Listener(ports.find_free(), secrets.token_urlsafe(24))


def _with_free_port(listener: Listener, others: Collection[int | None]) -> Listener:
    while listener.port in others or not ports.is_free(listener.port):
        listener = replace(listener, port=ports.find_free())
    return listener


def _write(path: Path, kept: Addresses, *, unless_there: bool = False) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(kept)))
        if not unless_there:
            draft.replace(path)
            return
        with suppress(FileExistsError):  # another process was first: its file holds
            os.link(draft, path)
        draft.unlink()
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}; set ALPHAPANDA_HOME") from error


def postgres_program(home: Path, *, fast: bool = False) -> Program:
    """Its data directory is made at the first call. `fast` gives up durability: for tests only."""
    account = server_account()
    place = embedded_postgres.Place(servers_directory(home, account), account)
    listener = addresses(home).postgres
    return embedded_postgres.program(place, listener.port, listener.password, fast=fast)


def valkey_program(home: Path, *, fast: bool = False) -> Program:
    account = server_account()
    listener = addresses(home).valkey
    directory = servers_directory(home, account)
    return embedded_valkey.program(directory, account, listener.port, listener.password, fast=fast)


@contextmanager
def running(home: Path, *, fast: bool = False) -> Iterator[Addresses]:
    """Both servers for the length of a block, without a supervisor."""
    renew_ports(home)
    programs = (postgres_program(home, fast=fast), valkey_program(home, fast=fast))
    children = [program.start(server, home) for server in programs]
    try:
        for server in programs:
            _await(server, home)
        yield addresses(home)
    finally:
        for server, child in zip(programs, children, strict=True):
            child.send_signal(server.stop_signal)
        for child in children:
            child.wait(timeout=15)


def _await(server: Program, home: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not server.is_ready():
        if time.monotonic() > deadline:
            raise ConfigurationError(f"{server.name} did not start:\n{program.last_lines(server, home)}")
        time.sleep(0.02)

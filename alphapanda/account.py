"""Who the embedded servers run as, and a place on disk that this account can reach."""

import os
import pwd
import secrets
import shutil
import stat
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from alphapanda.errors import ConfigurationError

OUTSIDE_NOTE = "servers_are_in"
_OUTSIDE = Path("/var/lib/alphapanda")  # for root, when the home lies below a closed directory


@dataclass(frozen=True, slots=True)
class Account:
    """None stands for ourselves."""

    uid: int | None = None
    gid: int | None = None

    @property
    def extra_groups(self) -> list[int] | None:
        return None if self.uid is None else []

    def may(self, test: str, path: Path) -> bool:
        """`test` is a flag of test(1); asked as that account, so that every parent counts."""
        return self._run("/bin/sh", "-c", f'test -{test} "$1"', "sh", str(path)) == 0

    def own(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def _run(self, *command: str) -> int:
        try:
            return subprocess.run(  # noqa: S603
                command, user=self.uid, group=self.gid, extra_groups=self.extra_groups, cwd="/", check=False
            ).returncode
        except (PermissionError, ValueError, subprocess.SubprocessError) as error:
            raise ConfigurationError(
                "root cannot start the servers as the user nobody here; run as an ordinary user, "
                "or set DATABASE_URL and REDIS_URL"
            ) from error


OURSELVES = Account()


def server_account() -> Account:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return OURSELVES
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Account(65_534, 65_534)
    return Account(nobody.pw_uid, nobody.pw_gid)


def make_home(home: Path) -> None:
    """Closed to others; root lets them pass through it, because the servers run as nobody."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        raise ConfigurationError(
            f"cannot use {home} as the data directory: {error.strerror}; "
            "set ALPHAPANDA_HOME to a directory that you may write"
        ) from error


def servers_directory(home: Path, account: Account) -> Path:
    """Where the servers keep their data: the home, or outside it when they could not get there."""
    make_home(home)
    if account.may("x", home):
        return home
    outside = outside_directory(home)
    make_home(outside)
    if not account.may("x", outside):
        raise ConfigurationError(f"the user nobody reaches neither {home} nor {outside}; set ALPHAPANDA_HOME")
    return outside


def outside_directory(home: Path) -> Path:
    """Kept in a note in the home: a home that is made anew does not meet the data of an older one."""
    note = home / OUTSIDE_NOTE
    if not note.exists():
        note.write_text(str(_OUTSIDE / secrets.token_hex(6)))
    return Path(note.read_text())


def reachable_package(package: str, parts: tuple[str, ...], account: Account, servers: Path) -> Path:
    """The directory that holds `parts` (paths beside each other), copied when the account cannot read it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"the package {package} is not installed: make install")
    installed = Path(spec.submodule_search_locations[0]).parent
    if all(account.may("r", installed / part) and account.may("x", installed / part) for part in parts):
        return installed
    copy = servers / "programs" / f"{package}-{version(package)}"
    if not copy.exists():
        _copy(installed, parts, copy)
    return copy


def _copy(source: Path, parts: tuple[str, ...], target: Path) -> None:
    unfinished = target.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in parts:
        shutil.copytree(source / part, unfinished / part, symlinks=True)
    for path in (unfinished.parent, unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            _open_to_all(path)
    unfinished.rename(target)


def _open_to_all(path: Path) -> None:
    mode = path.stat().st_mode
    runs = path.is_dir() or mode & stat.S_IXUSR
    path.chmod(mode | (0o555 if runs else 0o444))

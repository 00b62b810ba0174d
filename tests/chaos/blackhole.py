"""Real black holes: the kernel drops whatever comes for a socket of another process before TCP sees it.

No reset, no acknowledgement; the other end sends again and again, as over a cable that was pulled out. A classic
packet filter that accepts nothing is attached to the socket, which `pidfd_getfd` shares with us: no rules of a
firewall, nothing else on the machine is touched. Needs Linux 5.6 and the right to trace the process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

_PIDFD_GETFD = 438  # the same on every architecture
_ATTACH_FILTER, _DETACH_FILTER = 26, 27
_ACCEPT_NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # return 0
_PROGRAM = struct.pack("HL", 1, ctypes.addressof(_ACCEPT_NOTHING))
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class End:
    """A socket of a process; `client` is the port at the client's end, 0 of what listens."""

    process: int
    descriptor: int
    is_servers: bool
    client: int


def ends(processes: Iterable[psutil.Process], port: int) -> Iterator[End]:
    """Sockets of these processes that listen at a server's port or are connected over it."""
    for process in processes:
        with suppress(psutil.Error):
            for found in process.net_connections("tcp"):
                here, there = found.laddr.port, found.raddr.port if found.raddr else 0
                if port in (here, there):
                    yield End(process.pid, found.fd, here == port, there if here == port else here)


@contextmanager
def swallowing(chosen: Iterable[End]) -> Iterator[None]:
    """While it lasts nothing reaches these ends; what was sent meanwhile comes later, as TCP does it."""
    sockets = [held for end in chosen for held in _shared(end)]
    for held in sockets:
        held.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, _PROGRAM)
    try:
        yield
    finally:
        for held in sockets:
            with suppress(FileNotFoundError):  # processes may share a socket
                held.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)
            held.close()


def kill(chosen: Iterable[End]) -> None:
    """From now on nothing reaches these ends, ever; nobody is told."""
    for end in chosen:
        for held in _shared(end):
            held.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, _PROGRAM)
            held.close()


def _shared(end: End) -> Iterator[socket.socket]:
    """The socket itself, unless it has gone. Errors: OSError when the kernel does not let us."""
    with suppress(ProcessLookupError):
        process = os.pidfd_open(end.process)
        try:
            number = _LIBC.syscall(_PIDFD_GETFD, process, end.descriptor, 0)
        finally:
            os.close(process)
        if number >= 0:
            yield socket.socket(fileno=number)
        elif ctypes.get_errno() not in (errno.EBADF, errno.ESRCH):
            raise OSError(ctypes.get_errno(), f"no black holes here: {os.strerror(ctypes.get_errno())}")

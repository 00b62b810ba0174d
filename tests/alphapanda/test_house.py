import json
import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from alphapanda.environment import Environment
from alphapanda.errors import ConfigurationError
from alphapanda.house import demo_password, held, house_file, make_plan, running_house
from alphapanda.outside_servers import check_postgres, check_redis
from alphapanda.ports import LOOPBACK, Reservations, find_free
from alphapanda.processes import Plan, pipeline
from alphapanda.program import Program


def environment(home, **fields: object) -> Environment:
    return Environment(alphapanda_home=home, **fields)


def test_a_second_house_is_told_where_the_first_one_is(home):
    with held(home):
        house_file(home).write_text(json.dumps({"pid": 42, "url": "http://127.0.0.1:8000"}))
        with (
            pytest.raises(ConfigurationError, match=r"process 42 at http://127\.0\.0\.1:8000.*stop it first"),
            held(home),
        ):
            pass
    assert running_house(home) == {}
    with held(home):
        assert running_house(home) == {}


def test_a_home_that_cannot_be_written_is_named(home):
    (home / "file").touch()
    with (
        pytest.raises(ConfigurationError, match=r"file/home as the data directory.*set ALPHAPANDA_HOME"),
        held(home / "file" / "home"),
    ):
        pass


def test_the_demo_password_is_random_private_and_made_once(home):
    password = demo_password(environment(home))
    assert len(password) >= 16
    assert demo_password(environment(home)) == password
    assert (home / "demo_password").stat().st_mode & 0o777 == 0o600


def test_the_environment_sets_the_demo_password(home):
    assert demo_password(environment(home, demo_password="mine, all mine")) == "mine, all mine"
    assert not (home / "demo_password").exists()


def test_ports_of_the_environment_hold(home):
    port, flower_port = find_free(), find_free()
    with Reservations() as ports:
        plan = make_plan(environment(home, port=port, flower_port=flower_port), ports, with_web=True)
    assert (plan.port, plan.flower_port) == (port, flower_port)


def wrong_password(url: str) -> str:
    return url.replace(urlsplit(url).password, "s3cret")


@pytest.mark.parametrize(("check", "variable"), [(check_postgres, "DATABASE_URL"), (check_redis, "REDIS_URL")])
def test_a_wrong_address_names_its_variable_and_never_the_password(check, variable):
    with pytest.raises(ConfigurationError, match=f"{variable}: no connection to {LOOPBACK}") as caught:
        check(wrong_password(os.environ[variable]))
    assert "s3cret" not in str(caught.value)
    scheme = urlsplit(os.environ[variable]).scheme
    with pytest.raises(ConfigurationError, match=f"{variable}: no connection to {LOOPBACK}"):
        check(f"{scheme}://user:s3cret@{LOOPBACK}:{find_free()}/0")


def test_right_addresses_pass():
    check_postgres(os.environ["DATABASE_URL"])
    check_redis(os.environ["REDIS_URL"])


def queues_of(program: Program) -> list[str]:
    return program.command[program.command.index("-Q") + 1].split(",") if "-Q" in program.command else []


def test_every_queue_has_a_worker_and_every_shard_its_own(home):
    programs = pipeline(Plan(home, 8000, 5555, shards=3, ingest_concurrency=4))
    queues = {queue for program in programs for queue in queues_of(program)}
    assert queues == {"ingest", "sweep", "risk", "execution", "portfolio", *(f"strategies.{n}" for n in range(3))}
    assert [program.name for program in programs if queues_of(program) == ["strategies.2"]] == ["strategies-2"]


def test_whoever_repairs_is_not_alone_and_neither_values_nor_reads_a_feed(home):
    programs = pipeline(Plan(home, None, 5555, shards=2, ingest_concurrency=1))
    sweeping = [set(queues_of(program)) for program in programs if "sweep" in queues_of(program)]
    assert len(sweeping) > 1
    assert not {"portfolio", "ingest"} & set().union(*sweeping)


def test_a_house_without_web_has_no_web_process(home):
    assert "web" not in [program.name for program in pipeline(Plan(home, None, 5555, 1, 1))]


def test_a_taken_port_stops_the_command_with_one_message(home):
    with Reservations() as ports:
        port = ports.choose("PORT", None, find_free())
        done = subprocess.run(
            [sys.executable, "manage.py", "up"],
            env={**os.environ, "ALPHAPANDA_HOME": str(home), "PORT": str(port)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == f"CommandError: port {port} is taken: stop what listens there, or set PORT to a free port\n"

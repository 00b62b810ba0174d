"""docker-compose.yml runs the same processes as one machine does, with a service per stage and no secret of its own."""

import re

import pytest
import yaml
from django.conf import settings

from alphapanda import embedded_postgres, embedded_valkey, processes
from alphapanda.celery import queue_names
from alphapanda.environment import CHECKOUT
from alphapanda.processes import Plan

TEXT = (CHECKOUT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
WORKERS = {name: service for name, service in SERVICES.items() if "worker" in service.get("command", [])}
SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY", "FLOWER_PASSWORD", "DEMO_PASSWORD")


def option(service, name):
    command = SERVICES[service]["command"]
    return command[command.index(name) + 1]


def own(name):
    """The program of one machine with this name."""
    programs = processes.pipeline(Plan(CHECKOUT, 8000, 5555, shards=1, ingest_concurrency=4))
    return next(program for program in programs if program.name == name)


def test_every_queue_is_consumed_by_its_service():
    assert {service: set(option(service, "-Q").split(",")) for service in WORKERS} == {
        "ingest": {"ingest", "sweep"},
        "strategies-0": {"strategies.0"},
        "strategies-1": {"strategies.1"},
        "risk": {"risk"},
        "execution": {"execution"},
        "portfolio": {"portfolio", "sweep"},
    }
    assert {queue for service in WORKERS for queue in option(service, "-Q").split(",")} == set(queue_names())


def test_there_is_a_service_for_every_shard():
    shards = [name for name in WORKERS if name.startswith("strategies-")]
    assert {SERVICES[name]["environment"]["STRATEGY_SHARDS"] for name in WORKERS} == {str(len(shards))}
    assert len(shards) == settings.STRATEGY_SHARDS


@pytest.mark.parametrize("service", WORKERS)
def test_workers_have_the_options_and_the_end_of_those_on_one_machine(service):
    like = processes.worker(service, option(service, "-Q"), int(option(service, "-c")))
    wanted = [word.replace(like.node, f"{service}@%h") for word in like.command[2:]]  # without `python -m`
    assert SERVICES[service]["command"] == wanted
    assert SERVICES[service]["stop_signal"] == like.stop_signal.name
    assert SERVICES[service]["stop_grace_period"] == "15s"
    assert SERVICES[service]["environment"]["WORKER"] == service


def test_strategies_have_one_process_a_shard_and_ingest_as_many_as_it_is_told():
    assert [option(name, "-c") for name in WORKERS if name.startswith("strategies-")] == ["1", "1"]
    assert option("ingest", "-c") == SERVICES["ingest"]["environment"]["INGEST_CONCURRENCY"]


def test_web_has_the_options_of_one_machine():
    wanted = [word.replace("127.0.0.1", "0.0.0.0") for word in own("web").command[2:]]
    assert SERVICES["web"]["command"] == wanted
    assert SERVICES["web"]["environment"].items() >= own("web").environment.items()


def test_beat_is_that_of_one_machine():
    assert SERVICES["beat"]["command"] == list(own("beat").command[2:])


def test_no_secret_has_a_default():
    for name in SECRETS:
        uses = re.findall(rf"\$\{{?{name}[^}}]*\}}?", TEXT)
        assert uses
        assert set(uses) == {f"${{{name}:?set {name} in .env}}"}


def test_no_secret_is_in_a_command_line():
    words = [word for service in SERVICES.values() for word in service.get("command", [])]
    assert not [word for word in words if "PASSWORD" in word or "SECRET" in word]


def test_the_example_of_secrets_names_all_of_them_and_sets_none():
    lines = (CHECKOUT / ".env.example").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [f"{name}=" for name in SECRETS]


def test_images_are_pinned():
    images = {service["image"] for service in SERVICES.values()}
    base = re.findall(r"^FROM (\S+)", (CHECKOUT / "Dockerfile").read_text(), re.M)
    assert len(images) == 3
    assert all(re.search(r":\d+\.\d+", image) for image in [*images, *base])


def test_everything_waits_for_the_migrations_and_they_for_healthy_servers():
    servers = {name: {"condition": "service_healthy"} for name in ("postgres", "redis")}
    assert SERVICES["migrate"]["depends_on"] == servers
    for name in set(SERVICES) - {"migrate", *servers}:
        wanted = {**servers, "migrate": {"condition": "service_completed_successfully"}}
        assert SERVICES[name]["depends_on"] == wanted


def test_whatever_answers_requests_has_a_health_check():
    assert set(SERVICES) - {name for name, service in SERVICES.items() if "healthcheck" in service} == {
        "beat",  # readiness of the web process tells when no sweep comes
        "migrate",
    }


def test_servers_keep_what_they_promise_on_one_machine():
    lines = COMPOSE["configs"]["valkey"]["content"].splitlines()
    for name in ("maxmemory", "maxmemory-policy", "appendonly", "appendfsync", "rdbcompression"):
        assert f"{name} {embedded_valkey._SETTINGS[name]}" in lines
    for name in ("jit", "idle_in_transaction_session_timeout"):
        assert f"{name}={embedded_postgres._SETTINGS[name]}" in SERVICES["postgres"]["command"]


def test_only_web_and_flower_are_reached_from_outside_and_on_loopback():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"web", "flower"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)

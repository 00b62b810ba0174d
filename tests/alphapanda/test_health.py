"""Health and metrics are open to everybody and tell no secrets; the docs need nothing from outside."""

import re

import pytest
from django.core.management import call_command

from alphapanda import status
from tests import rows

pytestmark = pytest.mark.django_db


def test_live_needs_no_login(client):
    assert client.get("/api/health/live/").json() == {"status": "ok"}


def test_ready_answers_with_every_check(client, redis):
    answer = client.get("/api/health/ready/")
    failing = [check.name for check in status.checks() if not check.ok]
    assert answer.status_code == (503 if failing else 200)
    assert set(answer.json()["errors"] if failing else answer.json()["checks"]) >= set(failing)


def test_ready_says_what_fails(client, redis):
    answer = client.get("/api/health/ready/")  # nobody sweeps here
    assert answer.status_code == 503
    assert answer.json()["errors"]["beat"] == ["no sweep for ever; is beat running?"]


def test_metrics_count_rows_and_queues(client, redis):
    text = client.get("/metrics").content.decode()
    assert 'alphapanda_queue_length{queue="risk"} 0' in text
    assert 'alphapanda_rows_total{table="fills"}' in text


def test_metrics_have_the_form_that_prometheus_reads(client, redis):
    rows.traded(rows.strategy(rows.portfolio(rows.user())))
    lines = client.get("/metrics").content.decode().splitlines()
    sample = re.compile(r'alphapanda_\w+\{(\w+="[\w.\-]*",?)+\} \d+(\.\d+)?')
    assert all(line.startswith("# ") or sample.fullmatch(line) for line in lines)


def test_schema_names_every_path(client):
    schema = client.get("/api/schema/?format=json").json()
    assert {"/api/fills/", "/api/orders/{id}/cancel/", "/api/strategies/{id}/start/"} <= set(schema["paths"])


def test_schema_is_valid_and_without_a_warning(tmp_path):
    call_command("spectacular", "--fail-on-warn", "--validate", file=str(tmp_path / "schema.yml"))


def is_served(client, source):
    answer = client.get(source)
    b"".join(answer.streaming_content)
    answer.close()
    return answer.status_code == 200


def test_docs_load_nothing_from_outside(client):
    page = client.get("/api/docs/").content.decode()
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    assert all(source.startswith("/static/") for source in sources)
    assert all(is_served(client, source) for source in sources)


def test_root_leads_to_the_admin(client):
    assert client.get("/").headers["Location"] == "/admin/"

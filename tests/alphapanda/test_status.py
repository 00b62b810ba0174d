"""Doctor and readiness are red when something is broken, say what it is, and are green when it is mended."""

import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from time import time

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.utils import timezone

from alphapanda import status
from alphapanda.connection import connection, key
from alphapanda.environment import CHECKOUT
from alphapanda.models import DeadLetter
from alphapanda.ports import LOOPBACK, find_free
from tests.wellness import failing, make_well, replay, sweep, tick, waiting, without_seconds
from tests.workers import wait_for
from trading.models import Market

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _well(redis, settings, tmp_path):
    make_well(settings, tmp_path)


def test_nothing_is_red_when_all_is_well():
    assert failing() == {}


def test_an_old_message_names_its_queue_until_it_is_taken(redis):
    waiting("risk", ago=20)
    waiting("risk", ago=0)
    assert failing() == {"queues": "risk waits for N s: are their workers running?"}
    redis.rpop("ap:risk")
    assert failing() == {}


def test_a_long_queue_is_named(settings):
    settings.QUEUE_CAP = 2
    for _ in range(3):
        waiting("execution", ago=0)
    assert failing() == {"queues": "execution holds 3 messages: are their workers running?"}


def test_every_message_says_when_it_was_sent(redis):
    current_app.send_task("portfolio.value", [1], queue="portfolio")
    assert 0 < status.oldest_seconds("portfolio") < 10
    assert json.loads(redis.lindex("ap:portfolio", 0))["headers"]["sent_at"] == pytest.approx(time(), abs=10)


def test_garbage_in_a_queue_is_not_the_doctors_end(redis):
    redis.lpush("ap:risk", b"\xff")
    assert failing() == {}


def test_a_stopped_beat_is_told_from_a_stopped_worker(redis):
    sweep(ago=20)
    assert "is beat running?" in failing()["beat"]
    waiting("sweep", ago=0)
    assert "is the worker of queue sweep running?" in failing()["beat"]
    sweep()
    assert failing() == {}


def test_a_sweep_that_never_was_is_red(redis):
    redis.delete(key("swept"))
    assert failing() == {"beat": "no sweep for ever; is beat running?"}


@pytest.mark.parametrize(("seconds", "words"), [(5, "5.0 s ahead of"), (-5, "5.0 s behind")])
def test_a_machine_whose_clock_is_off_is_red(seconds, words):
    with pytest.raises(status.NotWellError, match=rf"{words} PostgreSQL's and {words} Redis's"):
        status.clock(lambda: time() + seconds)
    assert status.clock(lambda: time() + 1).startswith("within ")


def test_a_full_disk_is_red(settings):
    settings.DISK_FREE_BYTES = 2**62
    assert "MB are free where ALPHAPANDA_HOME is, less than" in failing()["disk"]


def test_a_home_that_is_gone_is_red(settings):
    shutil.rmtree(settings.ALPHAPANDA_HOME)
    assert failing() == {"disk": "ALPHAPANDA_HOME cannot be reached: No such file or directory"}


def test_a_task_that_fails_now_is_red_and_one_that_failed_once_waits_for_a_person():
    now = timezone.now()
    given = {"task": "risk.decide", "arguments": {"args": [7]}, "reason": "KeyError: 1"}
    DeadLetter.objects.create(first_at=now, last_at=now, fingerprint="1", **given)
    assert failing() == {
        "failures": "risk.decide {'args': [7]} failed 1 times: KeyError: 1; see manage.py dead_letters"
    }
    DeadLetter.objects.update(last_at=now - timedelta(minutes=2))
    assert failing() == {}
    assert "1 dead letters wait for a person" in {check.detail for check in status.checks()}


def test_an_unapplied_migration_is_red():
    with database.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'alphapanda' AND name = '0001_initial'")
    assert failing() == {"migrations": "1 migrations wait; run: manage.py migrate"}


@pytest.fixture
def configured(redis):
    """Settings of the server, given back at the end."""
    before = {name: redis.config_get(name)[name] for name in ("maxmemory", "maxmemory-policy")}
    yield redis.config_set
    for name, value in before.items():
        redis.config_set(name, value)


def test_a_redis_that_evicts_is_red(configured):
    configured("maxmemory-policy", "allkeys-lru")
    assert failing() == {"redis": "Redis must run with maxmemory-policy noeviction, not allkeys-lru"}
    configured("maxmemory-policy", "noeviction")
    assert failing() == {}


def test_a_redis_that_is_nearly_full_is_red(configured, redis):
    configured("maxmemory", int(redis.info("memory")["used_memory"] * 1.2))
    wait_for(lambda: "so nothing is woken" in failing().get("redis", ""))
    configured("maxmemory", "512mb")
    wait_for(lambda: failing() == {})


def test_redis_away_is_said_by_everything_that_needs_it(settings):
    settings.REDIS_URL = f"redis://:s3cret@{LOOPBACK}:{find_free()}/0"
    connection.cache_clear()
    try:
        found = failing()
    finally:
        connection.cache_clear()
    assert set(found) == {"redis", "queues", "beat", "feeds", "shards", "time"}
    assert set(found.values()) == {"Redis does not answer (ConnectionError); check REDIS_URL"}


def test_a_database_that_is_away_is_said_without_its_password():
    url = f"postgresql://me:s3cret@{LOOPBACK}:{find_free()}/name"
    asked = subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=CHECKOUT, env={**os.environ, "DATABASE_URL": url}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    lines = asked.stdout.splitlines()
    assert asked.returncode == 1
    assert "BAD database: PostgreSQL does not answer (OperationalError); check DATABASE_URL" in lines
    assert any(line.startswith("ok  redis: ") for line in lines)
    assert "s3cret" not in asked.stdout + asked.stderr


def test_the_doctor_names_what_is_not_well():
    call_command("doctor", stdout=StringIO())
    sweep(ago=20)
    with pytest.raises(CommandError, match="not well: beat"):
        call_command("doctor", stdout=(said := StringIO()))
    assert "BAD beat: no sweep for N s" in without_seconds(said.getvalue())


def test_ready_is_green_and_then_says_the_same_without_names_of_people(client):
    assert client.get("/api/health/ready/").status_code == 200
    Market.objects.update(created_at=timezone.now() - timedelta(days=1), name="mine")
    tick(ago=20, market=Market.objects.get())
    replay(fault="spool /x is gone")
    answer = client.get("/api/health/ready/")
    assert (answer.status_code, answer.json()["type"]) == (503, "not_ready")
    assert answer.json()["errors"] == {"feeds": ["1 markets have a fault; see them in the admin"]}
    Market.objects.filter(kind="replay").delete()
    said = client.get("/api/health/ready/").json()["errors"]["feeds"]
    assert [without_seconds(text) for text in said] == ["no tick for N s; is the worker of queue ingest running?"]

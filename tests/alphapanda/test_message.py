"""A message from a pattern is what Celery itself would have sent."""

import json
import re
import subprocess
import sys
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock
from uuid import uuid4

import pytest
from celery import chain, current_app
from celery.exceptions import SoftTimeLimitExceeded
from kombu.transport.memory import Channel

from alphapanda.connection import PREFIX
from alphapanda.environment import CHECKOUT
from alphapanda.message import ARGUMENTS, Pattern, _load_tasks
from alphapanda.pipeline import chained, evaluation_in, step

IDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MARKET = str(uuid4())


def content(message: str | bytes) -> dict:
    """Its ids by the order in which they come, so that only which are the same matters."""
    document = json.loads(message)
    document["body"] = json.loads(b64decode(document["body"]))
    assert document["headers"].pop("sent_at") > 0
    document["headers"]["expires"] = bool(document["headers"]["expires"])
    text = json.dumps(document, sort_keys=True)
    places = {pk: str(place) for place, pk in enumerate(dict.fromkeys(IDS.findall(text)))}
    return json.loads(IDS.sub(lambda found: places[found[0]], text))


@pytest.fixture(autouse=True)
def loaded():
    """Celery's own messages say the limits of tasks that are loaded."""
    current_app.loader.import_default_modules()


@pytest.mark.parametrize("tasks", [["portfolio.value"], ["risk.decide", "trading.execute", "portfolio.value"]])
@pytest.mark.parametrize("argument", [7, MARKET])
def test_it_says_what_celery_says(redis, tasks, argument):
    steps = [step(task, argument).set(headers={"correlation_id": "c"}) for task in tasks]
    chain(*steps).apply_async()
    message = chained(*tasks).message(argument, correlation="c")
    assert content(message) == content(redis.lpop(PREFIX + steps[0].options["queue"]))


def test_a_shards_says_what_celery_says(redis):
    queue, headers = "strategies.0", {"correlation_id": ""}
    task = current_app.signature("strategies.evaluate", args=[MARKET, 1], queue=queue, immutable=True)
    chain(task.set(headers=headers)).apply_async()
    assert content(evaluation_in(queue).message(MARKET, 1)) == content(redis.lpop(PREFIX + queue))


def test_one_that_expires_says_when(redis):
    task = step("trading.ingest", MARKET).set(expires=2)
    chain(task.clone().set(headers={"correlation_id": ""})).apply_async()
    message, theirs = Pattern.of(task).message(), redis.lpop(PREFIX + "ingest")
    assert content(message) == content(theirs)
    assert timedelta(0) < expiry(message) - expiry(theirs) < timedelta(seconds=30)


def test_each_expires_in_its_own_time():
    pattern = Pattern.of(step("trading.ingest", MARKET).set(expires=2))
    first = expiry(pattern.message())
    assert timedelta(0) < expiry(pattern.message()) - first
    assert timedelta(0) < datetime.now(UTC) + timedelta(seconds=2) - first


def expiry(message: str | bytes) -> datetime:
    return datetime.fromisoformat(json.loads(message)["headers"]["expires"])


def test_tasks_are_loaded_once_and_djangos_checks_with_them(monkeypatch):
    _load_tasks()
    load = Mock()
    monkeypatch.setattr(current_app.loader, "import_default_modules", load)
    Pattern.of(step("trading.ingest", MARKET))
    load.assert_not_called()


def test_each_has_ids_of_its_own_and_keeps_its_arguments():
    pattern = Pattern.of(step("risk.decide", ARGUMENTS[0]), step("trading.execute", ARGUMENTS[0]))
    one, other = ids(pattern.message(MARKET)), ids(pattern.message(MARKET))
    assert one & other == {MARKET, json.loads(pattern.message(MARKET))["properties"]["reply_to"]}
    assert len(one) == len(other) == 5


def ids(message: str) -> set[str]:
    return set(IDS.findall(message + b64decode(json.loads(message)["body"]).decode()))


def test_whoever_is_interrupted_while_celery_writes_leaves_nothing_to_the_next(monkeypatch):
    monkeypatch.setattr(Channel, "_get", interrupted)
    with pytest.raises(SoftTimeLimitExceeded):
        Pattern.of(step("risk.decide", "left"))
    monkeypatch.undo()
    assert content(Pattern.of(step("risk.decide", "next")).message())["body"][0] == ["next"]


def interrupted(*_: object) -> None:
    raise SoftTimeLimitExceeded


def test_limits_are_said_also_where_no_task_was_loaded_before():
    """As in a process that answers requests."""
    load = "import django; django.setup(); from alphapanda.pipeline import chained"
    code = f"{load}; print(chained('risk.decide').message(7))"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["headers"]["timelimit"] == [8, 4]

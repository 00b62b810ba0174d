"""What Flower is told of tasks comes whole, but not one by one."""

import json
from base64 import b64decode
from itertools import chain

import pytest
from celery import current_app

from tests import rows
from tests.workers import wait_for, worker

TASKS = 20
KINDS = ("task-received", "task-started", "task-succeeded")


def told(listener, messages: list[list[str]]) -> bool:
    """Adds the kinds of events of each message that has come; whether the end of every task is among them."""
    while found := listener.get_message(timeout=0.05):
        body = json.loads(b64decode(json.loads(found["data"])["body"]))
        if isinstance(body, list):
            messages.append([event["type"] for event in body])
    return list(chain(*messages)).count("task-succeeded") == TASKS


@pytest.mark.house
@pytest.mark.django_db(transaction=True)
def test_events_of_tasks_are_gathered_and_none_is_missing(redis, tmp_path):
    portfolio = rows.portfolio(rows.user())
    with redis.pubsub(ignore_subscribe_messages=True) as listener, worker(tmp_path, "portfolio"):
        listener.psubscribe("*celeryev*")
        for _ in range(TASKS):
            current_app.send_task("portfolio.value", [portfolio.pk], queue="portfolio")
        messages: list[list[str]] = []
        wait_for(lambda: told(listener, messages))
    events = list(chain(*messages))
    assert [events.count(kind) for kind in KINDS] == [TASKS] * 3
    assert len(messages) < len(events)

"""A message from a pattern is what Celery itself would have sent."""

import json
import re
from base64 import b64decode
from uuid import uuid4

import pytest
from celery import chain

from alphapanda.connection import PREFIX
from alphapanda.message import Pattern
from alphapanda.pipeline import step

IDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MARKET = str(uuid4())


def content(message: str | bytes) -> dict:
    """Its ids by the order in which they come, so that only which are the same matters."""
    document = json.loads(message)
    document["body"] = json.loads(b64decode(document["body"]))
    assert document["headers"].pop("sent_at") > 0
    text = json.dumps(document, sort_keys=True)
    places = {pk: str(place) for place, pk in enumerate(dict.fromkeys(IDS.findall(text)))}
    return json.loads(IDS.sub(lambda found: places[found[0]], text))


@pytest.mark.parametrize("tasks", [["trading.ingest"], ["risk.decide", "trading.execute", "portfolio.value"]])
@pytest.mark.parametrize("argument", [7, MARKET])
def test_it_says_what_celery_says(redis, tasks, argument):
    steps = [step(task, argument) for task in tasks]
    queue = steps[0].options["queue"]
    chain(*(one.clone().set(headers={"correlation_id": "c"}) for one in steps)).apply_async()
    assert content(Pattern.of(*steps).message("c")) == content(redis.lpop(PREFIX + queue))


def test_each_has_ids_of_its_own_and_keeps_its_arguments():
    pattern = Pattern.of(step("risk.decide", MARKET), step("trading.execute", MARKET))
    one, other = ids(pattern.message()), ids(pattern.message())
    assert one & other == {MARKET, json.loads(pattern.message())["properties"]["reply_to"]}
    assert len(one) == len(other) == 5


def ids(message: str) -> set[str]:
    return set(IDS.findall(message + b64decode(json.loads(message)["body"]).decode()))

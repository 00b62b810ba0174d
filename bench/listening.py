"""Listens to a house's events: when which signal, order and fill was committed, by the clock of Redis."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import redis
from django.conf import settings

from alphapanda.events import STREAM

IDS = {"signal.generated": "signal_id", "order.placed": "order_id", "order.filled": "fill_id"}
Heard = dict[str, dict[str, int]]  # by type of event and id: milliseconds since the epoch


@contextmanager
def listening() -> Iterator[Heard]:
    heard: Heard = defaultdict(dict)
    ended = Event()
    thread = Thread(target=_listen, args=(redis.Redis.from_url(settings.REDIS_URL), heard, ended))
    thread.start()
    try:
        yield heard
    finally:
        ended.set()
        thread.join()


def _listen(server: redis.Redis, heard: Heard, ended: Event) -> None:
    newest = server.xrevrange(STREAM, count=1)
    place = newest[0][0] if newest else b"0"
    while not ended.is_set():
        for _, entries in server.xread({STREAM: place}, block=100, count=1_000) or ():
            for place, fields in entries:
                _note(heard, place, json.loads(fields[b"event"]))


def _note(heard: Heard, place: bytes, event: dict[str, dict[str, str]]) -> None:
    kind = str(event["type"])
    if kind in IDS:
        heard[kind][event["data"][IDS[kind]]] = int(place.partition(b"-")[0])

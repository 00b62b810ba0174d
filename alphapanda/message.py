"""Messages as Celery writes them, without asking it for each: that takes half a millisecond, on an idle machine two."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from time import time
from typing import Any, Self
from uuid import uuid4

import msgspec
from celery import chain
from celery.canvas import Signature
from kombu import Connection

_BODY, _TAG, _CORRELATION, _SENT_AT = "@body@", "@tag@", "@correlation@", "@sent_at@"


@dataclass(frozen=True, slots=True)
class Pattern:
    """What Celery makes of a task, or of a chain: the envelope, its body, and the ids of the tasks, which are marks."""

    envelope: str
    body: str
    ids: tuple[str, ...]

    @classmethod
    def of(cls, *steps: Signature) -> Self:
        """Celery sends them once, to nobody."""
        ids = tuple(f"@id{number}@" for number in range(len(steps)))
        marked = [step.clone().set(task_id=pk) for step, pk in zip(steps, ids, strict=True)]
        for step in marked:
            step.options["headers"] = {"correlation_id": _CORRELATION}
        message = _written(marked)
        body, message["body"] = b64decode(message["body"]).decode(), _BODY
        message["properties"]["delivery_tag"], message["headers"]["sent_at"] = _TAG, _SENT_AT
        return cls(msgspec.json.encode(message).decode(), body, ids)

    def message(self, correlation: object = "") -> str:
        """One of its own: what a worker finds in its queue."""
        envelope, body = self.envelope, self.body
        for pk in self.ids:
            own = str(uuid4())
            envelope, body = envelope.replace(pk, own), body.replace(pk, own)
        body = b64encode(body.replace(_CORRELATION, str(correlation)).encode()).decode()
        envelope = envelope.replace(_CORRELATION, str(correlation)).replace(f'"{_SENT_AT}"', str(time()))
        return envelope.replace(_TAG, str(uuid4())).replace(_BODY, body)


def _written(steps: list[Signature]) -> dict[str, Any]:
    queue = str(steps[0].options["queue"])
    with Connection("memory://") as nobody:
        chain(*steps).apply_async(connection=nobody)
        channel: Any = nobody.default_channel
        return dict(channel._get(queue))

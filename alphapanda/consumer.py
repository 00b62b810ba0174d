"""Celery's consumer that keeps what it cannot run: it goes into the letterbox and out of the queue.

And it is back soon after the broker is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer
from kombu.exceptions import KombuError

from alphapanda.letterbox import Letter, post, readable

# What a message of a wrong shape raises in Celery; an error of the broker must pass.
WRONG_SHAPE = (TypeError, ValueError, LookupError, AttributeError)
MOST_LIMIT_SECONDS = 3_600  # a worker may end of one that no timer takes
EVENTS_SECONDS = 0.5  # that what Flower is told is gathered


class Consumer(CeleryConsumer):
    """Every way in which Celery drops a message silently, or dies of it, leaves a letter."""

    hub: Any
    _flush_events: Callable[[], None]
    _events_due = 0.0

    def on_send_event_buffered(self) -> Any:
        """Celery sends each event of a task at once, which took a third of a busy worker's parent."""
        if monotonic() > self._events_due:
            self._events_due = monotonic() + EVENTS_SECONDS
            self.hub.call_later(EVENTS_SECONDS, self._flush_events)

    def ensure_connected(self, conn: Any) -> Any:
        """Tries again several times a second at first: kombu would after 2, 4, 6 seconds."""
        conn.ensure_connection = partial(conn.ensure_connection, interval_start=0.2, interval_step=0.2, interval_max=2)
        return super().ensure_connected(conn)

    def create_task_handler(self, *arguments: Any) -> Callable[[Any], None]:
        receive = super().create_task_handler(*arguments)

        def on_message(message: Any) -> None:
            try:
                check_task(message)
            except KombuError as error:
                self.on_decode_error(message, error)
                return
            except WRONG_SHAPE as error:
                self.on_invalid_task(None, message, error)
                return
            try:
                receive(message)
            except WRONG_SHAPE as error:
                self.on_invalid_task(None, message, error)

        return on_message

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        drop(message, f"cannot be decoded: {type(exc).__name__}: {exc}")

    def on_unknown_message(self, body: Any, message: Any) -> None:
        drop(message, "names no task")

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        drop(message, f"there is no task {message.headers['task']!r}")

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        drop(message, f"not a task: {type(exc).__name__}: {exc}")


def check_task(message: Any) -> None:
    """The parts that Celery takes for granted. Errors: those of WRONG_SHAPE; kombu's when the body is not JSON."""
    if not isinstance(message.headers["id"], str) or not isinstance(message.headers["task"], str):
        raise TypeError("task and id must be text")
    for limit in message.headers.get("timelimit") or ():
        if limit is not None and not 0 <= limit <= MOST_LIMIT_SECONDS:
            raise ValueError(f"time limit {limit}")
    args, kwargs, embed = message.payload
    if not isinstance(args, list) or not isinstance(kwargs, dict) or not isinstance(embed, dict):
        raise TypeError("the body must be [arguments, {keywords}, {more}]")


def drop(message: Any, reason: str) -> None:
    """Leaves a letter with the task and its arguments where they can be read, and the body otherwise."""
    queue = message.delivery_info.get("routing_key", "")
    task, arguments = message.headers.get("task"), _arguments(message)
    if isinstance(task, str) and arguments is not None:
        post(Letter(reason=reason, queue=queue, task=readable(task)[:128], arguments=arguments))
    else:
        post(Letter(reason=reason, queue=queue, body=readable(message.body or "")))
    if not message.acknowledged:
        message.ack()


def _arguments(message: Any) -> dict[str, Any] | None:
    match getattr(message, "_decoded_cache", None):
        case [list() as args, dict() as kwargs, *_]:
            return {"args": args, "kwargs": kwargs}
    return None

"""Dead letters: made of failed tasks and unreadable messages, sent again when a person has mended the cause."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import psycopg
import redis
import structlog
from celery import current_app
from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from alphapanda import pipeline
from alphapanda.errors import FencedError, InputError
from alphapanda.letterbox import Letter, post, readable, waiting_letters
from alphapanda.models import DeadLetter
from trading.models import Market

log = structlog.get_logger(__name__)
HEADER = "dead_letter"  # of a message that is a replay: the id of its row
# The sweep repeats what was interrupted by these; only their length is news, and the doctor sees that.
OUTAGES: tuple[type[BaseException], ...] = (
    OperationalError,
    InterfaceError,
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.OutOfMemoryError,
    BrokerError,
    FencedError,
)
THROWN_OUT = psycopg.errors.IdleInTransactionSessionTimeout  # of a frozen worker; to Django an internal error


def post_failure(task: str, request: Any, error: BaseException, arguments: dict[str, Any], traceback: str) -> None:
    """Puts a task that ended with an exception into the letterbox."""
    if isinstance(error, OUTAGES) or isinstance(error.__cause__, THROWN_OUT):
        log.warning("task_interrupted", task=task, reason=_reason(error))
        return
    headers = getattr(request, "headers", None) or {}
    post(
        Letter(
            reason=readable(_reason(error)),
            queue=pipeline.queue_of(task, arguments["args"]),
            task=task,
            arguments=arguments,
            traceback=readable(traceback[-4_000:]),
            correlation_id=headers.get("correlation_id"),
        )
    )


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def collect() -> None:
    """Makes rows of what lies in the letterbox."""
    for letter in waiting_letters():
        _keep(letter)


def _keep(letter: Letter) -> None:
    """One row for each open task and arguments: a repetition is counted."""
    arguments = _storable(letter.arguments)
    at = datetime.fromtimestamp(letter.at, UTC)
    print_ = _fingerprint(letter, arguments)
    news = {"reason": letter.reason, "traceback": letter.traceback, "last_at": at}
    counted = {"times": F("times") + 1, **news}
    if _open(print_).update(**counted):
        return
    if DeadLetter.objects.filter(resolved_at=None)[settings.DEAD_LETTERS_KEEP - 1 :].exists():
        log.error("dead_letter_dropped", queue=letter.queue, limit=settings.DEAD_LETTERS_KEEP)
        return
    row = DeadLetter(
        task=letter.task,
        arguments=arguments,
        queue=letter.queue,
        body=letter.body,
        correlation_id=_uuid(letter.correlation_id),
        fingerprint=print_,
        first_at=at,
        **news,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:  # another sweep made it just now
        _open(print_).update(**counted)


def _open(fingerprint: str) -> QuerySet[DeadLetter]:
    return DeadLetter.objects.filter(fingerprint=fingerprint, resolved_at=None)


def _storable(arguments: dict[str, Any] | None) -> dict[str, Any] | None:
    """PostgreSQL's JSON has no NUL."""
    packed = json.dumps(arguments, sort_keys=True, default=str)
    return json.loads(packed.replace("\\u0000", "\\ufffd"))  # type: ignore[no-any-return]


def _fingerprint(letter: Letter, arguments: dict[str, Any] | None) -> str:
    what = [letter.task, arguments] if letter.task else [letter.queue, letter.reason, letter.body]
    return sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def replay(letter: DeadLetter) -> None:
    """Sends the task again; its success resolves the letter. Errors: InputError when there is nothing to send."""
    if letter.task not in current_app.tasks:
        what = f"there is no task {letter.task!r}" if letter.task else "the message could not be read"
        raise InputError(f"dead letter {letter.pk} cannot be sent again: {what}")
    given = letter.arguments or {}
    arguments = given.get("args", [])
    if letter.task == "trading.ingest":  # a market that failed is not sequenced until its fault is gone
        Market.objects.filter(pk__in=[uuid for text in arguments if (uuid := _uuid(str(text)))]).update(fault="")
    headers = {HEADER: letter.pk, "correlation_id": str(letter.correlation_id) if letter.correlation_id else None}
    current_app.send_task(
        letter.task,
        arguments,
        given.get("kwargs", {}),
        queue=pipeline.queue_of(letter.task, arguments),
        headers=headers,
    )


def replay_all(letters: Iterable[DeadLetter]) -> dict[int, str]:
    """What hindered those that could not be sent, by id."""
    hindered = {}
    for letter in letters:
        try:
            replay(letter)
        except InputError as error:
            hindered[letter.pk] = str(error)
    return hindered


def resolve(request: Any) -> None:
    """After a task has succeeded: when it was a replay, its letter is dealt with."""
    letter = (getattr(request, "headers", None) or {}).get(HEADER)
    if letter is not None:
        DeadLetter.objects.filter(pk=letter, resolved_at=None).update(resolved_at=timezone.now())

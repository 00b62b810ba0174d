"""The sweep, which beat sends every second, retention, and what is noted of whatever runs."""

from __future__ import annotations

import gc
from select import POLLIN, poll
from typing import Any, cast

import structlog
from celery import shared_task
from celery.signals import task_failure, task_postrun, task_prerun, task_success, worker_process_init
from django.conf import settings
from django.db import close_old_connections, connections
from psycopg.pq import PipelineStatus

from alphapanda import dead_letters, movement, pipeline, retention
from risk import flattening, trigger_services

OLDEST = 30  # collections of younger objects between two of all: at a busy time one in 16 s, not in 6


@shared_task(name="alphapanda.sweep", soft_time_limit=4, time_limit=8)
def sweep() -> None:
    pipeline.sweep()
    movement.note_replays()
    dead_letters.collect()
    trigger_services.look()
    flattening.settle()


@shared_task(name="alphapanda.prune", soft_time_limit=4, time_limit=8)
def prune() -> None:
    if retention.prune(settings.PRUNE_SLICE_SECONDS).is_unfinished:
        prune.apply_async(queue="sweep")


@worker_process_init.connect
def _collect_rarely(**_: object) -> None:
    """Python's collector looks through all that a shard holds, for 15 ms at a time. Not still more rarely: a strategy
    may leave much in cycles, and memory is bounded.
    """
    gc.set_threshold(*gc.get_threshold()[:2], OLDEST)


@worker_process_init.connect
def _check_connections_before_tasks(**_: object) -> None:
    """A broken connection is replaced, a good one kept; only in a worker, where a task is not nested."""
    task_prerun.connect(_check_connections)


def _check_connections(**_: object) -> None:
    """Where the server has said nothing, not even goodbye, Django need not ask it: that is half a millisecond. One that
    an interruption has left with answers to come is of no use any more.
    """
    close_old_connections()
    for database in cast("list[Any]", connections.all(initialized_only=True)):
        if database.connection is None:
            continue
        if database.connection.pgconn.pipeline_status != PipelineStatus.OFF:
            database.close()
        elif not _has_news(database.connection.fileno()):
            database.health_check_done = True


def _has_news(socket: int) -> bool:
    look = poll()
    look.register(socket, POLLIN)
    return bool(look.poll(0))


@task_prerun.connect
def _bind(task: Any, task_id: str, **_: object) -> None:
    headers = task.request.headers or {}
    bound = {"task": task.name, "task_id": task_id, "correlation_id": headers.get("correlation_id")}
    structlog.contextvars.bind_contextvars(**{name: value for name, value in bound.items() if value})


@task_failure.connect
def _keep_failure(sender: Any, exception: BaseException, args: Any, kwargs: Any, einfo: Any, **_: object) -> None:
    arguments = {"args": list(args or ()), "kwargs": dict(kwargs or {})}
    dead_letters.post_failure(sender.name, sender.request, exception, arguments, str(einfo.traceback))


@task_success.connect
def _resolve(sender: Any, **_: object) -> None:
    dead_letters.resolve(sender.request)


@task_postrun.connect
def _unbind(**_: object) -> None:
    structlog.contextvars.clear_contextvars()

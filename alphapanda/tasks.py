"""The sweep, which beat sends every second, and the correlation id of whatever runs."""

from __future__ import annotations

from typing import Any

import structlog
from celery import shared_task
from celery.signals import task_postrun, task_prerun

from alphapanda import pipeline


@shared_task(name="alphapanda.sweep", soft_time_limit=4, time_limit=8)
def sweep() -> None:
    pipeline.sweep()


@task_prerun.connect
def _bind(task: Any, task_id: str, **_: object) -> None:
    headers = task.request.headers or {}
    bound = {"task": task.name, "task_id": task_id, "correlation_id": headers.get("correlation_id")}
    structlog.contextvars.bind_contextvars(**{name: value for name, value in bound.items() if value})


@task_postrun.connect
def _unbind(**_: object) -> None:
    structlog.contextvars.clear_contextvars()

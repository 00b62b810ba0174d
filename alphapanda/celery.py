"""Celery: the queues, and every setting with its reason (measured on Celery 5.7 with Redis)."""

import os
from time import time
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import before_task_publish, setup_logging
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")
os.environ.setdefault("CELERY_CUSTOM_WORKER_POOL", "alphapanda.pool:Pool")  # what `-P custom` stands for

from django.conf import settings

from alphapanda.heartbeat import Heartbeat

SWEEP_SECONDS = 1.0
APPS = ("alphapanda", "trading", "strategies", "risk", "portfolio")
STAGES = ("ingest", "risk", "execution", "portfolio", "sweep")


def queue_names() -> list[str]:
    return [*STAGES, *(f"strategies.{shard}" for shard in range(settings.STRATEGY_SHARDS))]


app = Celery("alphapanda", task_cls="alphapanda.stage:Stage")
app.conf.update(
    broker_url=settings.REDIS_URL,
    # What cannot be read or run becomes a dead letter; Celery's own die of garbage or drop it silently.
    broker_transport="alphapanda.transport:Transport",
    worker_consumer="alphapanda.consumer:Consumer",
    # Else Celery closes the connection to PostgreSQL before and after every task; each task checks it instead.
    CELERY_DB_REUSE_MAX=1_000_000,
    # Results are rows.
    result_backend=None,
    task_ignore_result=True,
    # No pickle, ever.
    accept_content=["json"],
    task_serializer="json",
    # A killed child gives its task back; a failed or late one is repeated by the sweep, not by Celery.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_acks_on_failure=True,
    task_acks_on_timeout=True,
    task_retry_on_worker_lost=False,
    task_publish_retry=False,
    # One message at a time keeps the order at a stop.
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_soft_shutdown_timeout=5,
    worker_enable_soft_shutdown_on_idle=False,
    worker_max_tasks_per_child=50_000,
    worker_hijack_root_logger=False,
    worker_send_task_events=True,  # Flower
    worker_redirect_stdouts=False,
    # Every stage has its own limits below these.
    task_soft_time_limit=4,
    task_time_limit=8,
    # Queues are named, a typo is an error, nothing is routed by exchange (dropped silently after a wipe).
    task_queues=[Queue(name, routing_key=name) for name in queue_names()],
    task_create_missing_queues=False,
    task_default_queue="sweep",
    # Half-open connections heal, that of a waiting worker within 1 + 2 × health_check_interval seconds; outages of the
    # broker are outlived.
    broker_transport_options={
        # Records of who holds which message take two ways to Redis a task, and give it back after minutes; what a
        # killed worker held the sweep sends again after seconds.
        "ack_emulation": False,
        "socket_timeout": 5,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 4,
        "priority_steps": [0],
        "global_keyprefix": "ap:",
        "client_name": "alphapanda",
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # Also what Redis refuses (it is full): connect anew instead of ending the worker.
    broker_channel_error_retry=True,
    broker_pool_limit=10,
    # Beat is the heartbeat of the sweep, and asks hourly to prune (by the clock: a house may run for an hour only).
    beat_scheduler="alphapanda.beat:Scheduler",
    beat_max_loop_interval=1,
    beat_schedule={
        "sweep": {
            "task": "alphapanda.sweep",
            "schedule": SWEEP_SECONDS,
            "options": {"queue": "sweep", "expires": 2},
        },
        "prune": {
            "task": "alphapanda.prune",
            "schedule": crontab(minute="17"),
            "options": {"queue": "sweep", "expires": 60},
        },
    },
    enable_utc=True,
    timezone="UTC",
)
app.steps["worker"].add(Heartbeat)
app.autodiscover_tasks(list(APPS))


@before_task_publish.connect
def _stamp(headers: dict[str, Any], **_: Any) -> None:
    """By it the doctor knows how long the oldest message of a queue has waited."""
    headers["sent_at"] = time()


@setup_logging.connect
def _keep_our_logs(**_: Any) -> None:
    """Connected so that Celery leaves the logging of settings.py alone."""

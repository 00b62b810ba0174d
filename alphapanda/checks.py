"""Django system checks: combinations of settings that would break a guarantee are refused, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from trading.packing import WIDE

TAG = "pipeline"
WAKE_LIMIT_SECONDS = 5
ENTRIES_KEPT = 10


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that the rules look at; times in seconds. `limits` are (soft, hard) by task, `windows` how long a
    task works at a stretch, `queues` where tasks and beat's entries are sent.
    """

    conf: Mapping[str, Any]
    limits: Mapping[str, tuple[float | None, float | None]]
    windows: Mapping[str, float]
    queues: Mapping[str, str]
    lock_life: float
    locked_task: str
    sweep: float
    wake_life: float
    batch_ticks: int
    keep_ticks: int
    redis_full: float

    @property
    def transport(self) -> Mapping[str, Any]:
        return dict(self.conf["broker_transport_options"])


def current_setup() -> Setup:
    """As this process runs; imported late, because settings must be complete first."""
    from alphapanda import celery, lease, pipeline
    from risk import tasks as risk
    from strategies import tasks as strategies

    for name in celery.APPS:
        import_module(f"{name}.tasks")
    ours = {name: task for name, task in celery.app.tasks.items() if not name.startswith("celery.")}
    shards = {f"strategies.evaluate of shard {n}": pipeline.shard_queue(n) for n in range(settings.STRATEGY_SHARDS)}
    beat = {f"beat's {name}": entry["options"]["queue"] for name, entry in celery.app.conf.beat_schedule.items()}
    return Setup(
        conf=celery.app.conf,
        limits={name: (task.soft_time_limit, task.time_limit) for name, task in ours.items()},
        windows={
            "trading.ingest": max(pipeline.INGEST_SECONDS, pipeline.INGEST_SECONDS_SHARED),
            "strategies.evaluate": strategies.SECONDS,
            "risk.decide": risk.SECONDS,
        },
        queues={**pipeline.QUEUES, **shards, **beat},
        lock_life=lease.LIFE_MS / 1_000,
        locked_task="strategies.evaluate",
        sweep=celery.SWEEP_SECONDS,
        wake_life=settings.WAKE_SECONDS,
        batch_ticks=settings.LOG_BATCH_TICKS,
        keep_ticks=min(settings.LOG_KEEP_TICKS, settings.REPLAY_KEEP_BYTES_CROWDED // WIDE.size),
        redis_full=settings.REDIS_FULL,
    )


def delivery(setup: Setup) -> Iterator[str]:
    if setup.transport.get("ack_emulation", True):
        yield "ack_emulation is on in broker_transport_options"


def soft_limits(setup: Setup) -> Iterator[str]:
    for task, (soft, hard) in setup.limits.items():
        if soft is None or hard is None:
            yield f"{task}: has no soft and hard time limit of its own"
        elif soft >= hard:
            yield f"{task}: soft time limit of {soft:g} s is not below its hard one ({hard:g} s)"


def lock_life(setup: Setup) -> Iterator[str]:
    hard = setup.limits.get(setup.locked_task, (None, None))[1]
    if hard is not None and setup.lock_life <= hard:
        yield f"a shard's lock lives {setup.lock_life:g} s, not longer than {setup.locked_task} may ({hard:g} s)"


def windows(setup: Setup) -> Iterator[str]:
    for task, seconds in setup.windows.items():
        soft = setup.limits.get(task, (None, None))[0]
        if soft is not None and seconds >= soft:
            yield f"{task}: works {seconds:g} s at a stretch, not below its soft time limit ({soft:g} s)"


def soft_shutdown(setup: Setup) -> Iterator[str]:
    longest = max(setup.windows.values())
    if setup.conf["worker_soft_shutdown_timeout"] <= longest:
        yield f"worker_soft_shutdown_timeout is not longer than the longest stretch of work ({longest:g} s)"


def acknowledgement(setup: Setup) -> Iterator[str]:
    for name in ("task_acks_late", "task_reject_on_worker_lost"):
        if not setup.conf[name]:
            yield f"{name} is off"


def serializers(setup: Setup) -> Iterator[str]:
    for name in ("task_serializer", "result_serializer", "event_serializer"):
        if setup.conf[name] != "json":
            yield f"{name} is {setup.conf[name]}"
    if list(setup.conf["accept_content"]) != ["json"]:
        yield f"accept_content is {list(setup.conf['accept_content'])}"


def results(setup: Setup) -> Iterator[str]:
    if setup.conf["result_backend"] or not setup.conf["task_ignore_result"]:
        yield "results are kept (result_backend is set, or task_ignore_result is off)"


def queues(setup: Setup) -> Iterator[str]:
    known = {queue.name for queue in setup.conf["task_queues"] or ()}
    for who, queue in {**setup.queues, "task_default_queue": setup.conf["task_default_queue"]}.items():
        if queue not in known:
            yield f"{who} is sent to queue {queue}, which is not in task_queues"
    if setup.conf["task_create_missing_queues"]:
        yield "task_create_missing_queues is on"


def prefetch(setup: Setup) -> Iterator[str]:
    if setup.conf["worker_prefetch_multiplier"] != 1:
        yield f"worker_prefetch_multiplier is {setup.conf['worker_prefetch_multiplier']}"


def cancelling(setup: Setup) -> Iterator[str]:
    if setup.conf["worker_cancel_long_running_tasks_on_connection_loss"]:
        yield "worker_cancel_long_running_tasks_on_connection_loss is on"


def half_open(setup: Setup) -> Iterator[str]:
    for name in ("socket_timeout", "socket_connect_timeout", "health_check_interval"):
        if not setup.transport.get(name):
            yield f"broker_transport_options has no {name}"


def publishing(setup: Setup) -> Iterator[str]:
    if setup.conf["task_publish_retry"] or setup.transport.get("retry_on_timeout"):
        yield "task_publish_retry or retry_on_timeout is on"


def wake_life(setup: Setup) -> Iterator[str]:
    if not setup.sweep <= setup.wake_life <= WAKE_LIMIT_SECONDS:
        yield f"WAKE_SECONDS is {setup.wake_life:g}, not between the sweep's {setup.sweep:g} and {WAKE_LIMIT_SECONDS}"


def log_length(setup: Setup) -> Iterator[str]:
    if setup.keep_ticks < ENTRIES_KEPT * setup.batch_ticks:
        yield f"a log keeps {setup.keep_ticks} ticks, below {ENTRIES_KEPT} times LOG_BATCH_TICKS ({setup.batch_ticks})"


def headroom(setup: Setup) -> Iterator[str]:
    if not 0 < setup.redis_full < 1:
        yield f"REDIS_FULL is {setup.redis_full:g}, not between 0 and 1"


def garbage(setup: Setup) -> Iterator[str]:
    ours = {"broker_transport": "alphapanda.transport:Transport", "worker_consumer": "alphapanda.consumer:Consumer"}
    for name, wanted in ours.items():
        if setup.conf[name] != wanted:
            yield f"{name} is {setup.conf[name]}, not {wanted}"


def stay(setup: Setup) -> Iterator[str]:
    stretch = setup.windows.get(setup.locked_task, 0.0)
    if stretch >= setup.wake_life:
        yield f"{setup.locked_task}: works {stretch:g} s at a stretch, not below WAKE_SECONDS ({setup.wake_life:g})"


# Rule and reason; the place gives the id (ap.E001…), so new ones go to the end.
RULES: list[tuple[Callable[[Setup], Iterable[str]], str]] = [
    (delivery, "kombu would deliver a task that outlives its visibility timeout again while it runs"),
    (soft_limits, "the soft limit lets a task end its transaction; without a hard one a hanging task holds its worker"),
    (lock_life, "a lock that ends before its holder lets two workers do the same work, one of them in vain"),
    (windows, "a task that is interrupted in every window commits nothing and is repeated for ever"),
    (soft_shutdown, "a stop would cut every stretch of work off, and a market would pause until its lease has run out"),
    (acknowledgement, "only both together give back the task of a killed child"),
    (serializers, "whatever can write to Redis could run code through pickle; only JSON is read"),
    (results, "results are rows; a result backend grows and is lost with Redis"),
    (queues, "a queue that nobody declares is dropped silently after a wipe, and nobody reads it"),
    (prefetch, "reserved messages come back out of order after a stop"),
    (cancelling, "a short loss of Redis would kill what may be sending an order, and run it again"),
    (half_open, "half-open connections never heal without it, and publishing hangs"),
    (publishing, "a repeated publish doubles a task; the sweep repeats what was lost"),
    (wake_life, "a lost wake-up holds its key up for so long: recovery is promised within seconds"),
    (log_length, "readers a few batches behind would find a gap in every live log"),
    (headroom, "at 1 Redis is full before wake-ups stop, at 0 nothing is ever woken"),
    (garbage, "Celery's own worker dies of a message that is not JSON, and again after each restart"),
    (stay, "the wake-up that waits for its end would be sent again, and for two each look at the log takes a task"),
]


def problems(setup: Setup) -> list[CheckMessage]:
    return [
        Error(message, hint=reason, id=f"ap.E{number:03}")
        for number, (rule, reason) in enumerate(RULES, start=1)
        for message in rule(setup)
    ]


@register(TAG)
def check_pipeline(**_: Any) -> list[CheckMessage]:
    return problems(current_setup())

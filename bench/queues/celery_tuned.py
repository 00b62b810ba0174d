"""Celery with all that helps: no results, no events, msgpack, each task sends the next, two solo workers."""

from celery import Celery

from bench.queues import stages

app = Celery("bench.queues.celery_tuned", broker=stages.REDIS)
app.conf.update(
    task_ignore_result=True,
    worker_send_task_events=False,
    worker_prefetch_multiplier=4,
    worker_disable_rate_limits=True,
    task_publish_retry=False,
    task_serializer="msgpack",
    accept_content=["msgpack", "json"],
    broker_transport_options={"priority_steps": [0]},
)


@app.task
def evaluate(tick):
    decide.apply_async((stages.evaluate(tick),))


@app.task
def decide(signal):
    execute.apply_async((stages.decide(signal),))


@app.task
def execute(order):
    book.apply_async((stages.execute(order),))


@app.task
def book(fill):
    stages.book(fill)


def submit(numbers):
    for number in numbers:
        evaluate.apply_async((stages.tick(number),))


def workers(bin_folder):
    lean = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING", "-P", "solo")
    command = [bin_folder / "celery", "-A", "bench.queues.celery_tuned", "worker", *lean]
    return [[*command, "-n", f"worker{number}@%h"] for number in (1, 2)]

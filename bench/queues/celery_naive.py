"""Celery as its tutorial shows it: a chain of four tasks, a result backend, prefork with two children."""

from celery import Celery, chain

from bench.queues import stages

app = Celery("bench.queues.celery_naive", broker=stages.REDIS, backend=stages.REDIS)


@app.task
def evaluate(tick):
    return stages.evaluate(tick)


@app.task
def decide(signal):
    return stages.decide(signal)


@app.task
def execute(order):
    return stages.execute(order)


@app.task
def book(fill):
    stages.book(fill)


def submit(numbers):
    for number in numbers:
        chain(evaluate.s(stages.tick(number)), decide.s(), execute.s(), book.s()).apply_async()


def workers(bin_folder):
    return [[bin_folder / "celery", "-A", "bench.queues.celery_naive", "worker", "-c", "2", "--loglevel", "WARNING"]]

"""Huey: no results, each task enqueues the next, two worker processes."""

from huey import RedisHuey

from bench.queues import stages

queue = RedisHuey("bench", url=stages.REDIS, results=False)


@queue.task()
def evaluate(tick):
    decide(stages.evaluate(tick))


@queue.task()
def decide(signal):
    execute(stages.decide(signal))


@queue.task()
def execute(order):
    book(stages.execute(order))


@queue.task()
def book(fill):
    stages.book(fill)


def submit(numbers):
    for number in numbers:
        evaluate(stages.tick(number))


def workers(bin_folder):
    return [[bin_folder / "huey_consumer", "bench.queues.huey.queue", "-w", "2", "-k", "process", "-q"]]

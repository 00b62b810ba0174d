"""Dramatiq: each actor sends to the next, two processes with a thread each."""

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.queues import stages

dramatiq.set_broker(RedisBroker(url=stages.REDIS))


@dramatiq.actor
def evaluate(tick):
    decide.send(stages.evaluate(tick))


@dramatiq.actor
def decide(signal):
    execute.send(stages.decide(signal))


@dramatiq.actor
def execute(order):
    book.send(stages.execute(order))


@dramatiq.actor
def book(fill):
    stages.book(fill)


def submit(numbers):
    for number in numbers:
        evaluate.send(stages.tick(number))


def workers(bin_folder):
    return [[bin_folder / "dramatiq", "bench.queues.dramatiq", "-p", "2", "-t", "1"]]

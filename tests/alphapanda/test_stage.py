"""What is common to all stages: an answer decides whether a chain goes on, and the collector comes rarely."""

import gc
from weakref import ref

import pytest
from celery.signals import worker_process_init

from alphapanda import tasks
from alphapanda.celery import app


@pytest.mark.parametrize(("answer", "is_left"), [(True, True), (None, True), (False, False)])
def test_a_stage_that_says_no_ends_its_chain(answer, is_left):
    @app.task(name=f"tests.says_{answer}")
    def task():
        return answer

    task.push_request(chain=["the next"])
    try:
        assert task() is answer
        assert bool(task.request.chain) is is_left
    finally:
        task.pop_request()
        app.tasks.pop(task.name)


def connected(signal) -> list:
    return [receiver() if isinstance(receiver, ref) else receiver for _, receiver in signal.receivers]


def test_workers_look_rarely_for_what_is_left_in_cycles():
    before = gc.get_threshold()
    try:
        assert tasks._collect_rarely in connected(worker_process_init)
        tasks._collect_rarely()
        assert gc.get_threshold() == (*before[:2], tasks.OLDEST)
    finally:
        gc.set_threshold(*before)

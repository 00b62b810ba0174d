"""A stage's answer decides whether its chain goes on."""

import pytest

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

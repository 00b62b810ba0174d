"""A worker that runs its tasks itself, with the limits that prefork has."""

import os
import signal

import pytest
from celery import current_app

from alphapanda import dead_letters, processes
from alphapanda.models import DeadLetter
from alphapanda.pool import in_time
from portfolio.models import EquityPoint
from tests import rows
from tests.workers import is_busy, wait_for, worker

FAILING = "tests.alphapanda.failing_tasks"
real = [pytest.mark.django_db(transaction=True), pytest.mark.house]


def never(*_):
    raise AssertionError


def refuse(text):
    raise ValueError(text)


def test_whoever_is_in_time_is_left_alone():
    assert in_time(60, 90, never, lambda a, b: a + b, 1, 2) == 3
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_an_error_passes_and_no_limit_is_left_behind():
    with pytest.raises(ValueError, match="wrong"):
        in_time(60, 90, never, refuse, "wrong")
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def only_letter():
    dead_letters.collect()
    return DeadLetter.objects.get().reason


class TestReal:
    pytestmark = real

    def test_a_slow_task_is_interrupted_and_the_worker_goes_on(self, redis, tmp_path):
        portfolio = rows.portfolio(rows.user())
        with worker(tmp_path, "portfolio", FAILING, children=0) as process:
            for task, arguments in (("tests.slow", []), ("portfolio.value", [portfolio.pk])):
                current_app.send_task(task, arguments, queue="portfolio")
            wait_for(EquityPoint.objects.exists)
            assert process.poll() is None
        assert only_letter().startswith("SoftTimeLimitExceeded")

    def test_a_task_that_does_not_end_leaves_a_letter_and_its_worker_ends(self, redis, tmp_path):
        with worker(tmp_path, "portfolio", FAILING, children=0) as process:
            current_app.send_task("tests.too_long", queue="portfolio")
            wait_for(lambda: process.poll() is not None)
            assert process.returncode == os.EX_SOFTWARE
        assert only_letter().startswith("TimeLimitExceeded")

    def test_a_worker_ends_well_after_the_tasks_that_a_process_may_do(self, redis, tmp_path):
        portfolio = rows.portfolio(rows.user())
        options = ("--max-tasks-per-child", "2")
        with worker(tmp_path, "portfolio", children=0, options=options) as process:
            for _ in range(3):
                current_app.send_task("portfolio.value", [portfolio.pk], queue="portfolio")
            wait_for(lambda: process.poll() is not None)
            assert process.returncode == 0
        assert redis.llen("ap:portfolio") == 1

    @pytest.mark.parametrize("children", [0, 1])
    def test_a_worker_that_is_told_to_go_does_its_task_first(self, redis, tmp_path, children):
        """A soft shutdown, which is for children, stood in the middle of the task until its time was over."""
        with worker(tmp_path, "portfolio", FAILING, children=children) as process:
            current_app.send_task("tests.unhurried", queue="portfolio")
            wait_for(lambda: b'"event": "begun"' in (tmp_path / "logs" / "test.log").read_bytes())
            assert not children or wait_for(is_busy)
            process.send_signal(processes.worker("like it", "portfolio", children).stop_signal)
            wait_for(lambda: process.poll() is not None, 12)
        dead_letters.collect()
        assert not DeadLetter.objects.exists()
        assert "tests.unhurried" in (tmp_path / "logs" / "test.log").read_text().rpartition(" succeeded in ")[0][-100:]

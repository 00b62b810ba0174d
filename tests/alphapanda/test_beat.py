"""Beat sleeps until the sweep is due."""

from time import monotonic, sleep

from celery import Celery, current_app

from alphapanda.beat import Scheduler

RUNS, EVERY = 5, 0.1


class Counting(Scheduler):
    """Sends nothing."""

    sent = 0

    def apply_entry(self, entry, producer=None):
        self.sent += 1


def test_it_does_not_look_at_the_clock_until_an_entry_is_due():
    app = Celery(broker="memory://", set_as_current=False, beat_schedule={"entry": {"task": "some", "schedule": EVERY}})
    scheduler, looks, begun = Counting(app), 0, monotonic()
    while scheduler.sent < RUNS:
        sleep(max(0.0, scheduler.tick()))
        looks += 1
    assert looks <= 4 * RUNS
    assert monotonic() - begun >= (RUNS - 1) * EVERY


def test_it_is_the_one_that_beat_takes():
    assert current_app.conf.beat_scheduler == f"{Scheduler.__module__}:{Scheduler.__name__}"

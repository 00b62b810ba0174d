"""Beat's clock."""

from __future__ import annotations

import celery.beat


class Scheduler(celery.beat.Scheduler):
    """Sleeps until an entry is due. Celery's wakes 10 ms before and looks at the clock without a pause from then on:
    7 ms of a processor in front of every sweep. Nothing is kept in a file: a sweep needs no memory.
    """

    def adjust(self, n: float, drift: float = 0.0) -> float:
        return n

"""A pool of one: tasks run in the worker's own process: an order and its fill come 1.5 ms sooner than through children.

They end in time all the same; one that hangs where no signal is heard is silent, and the supervisor ends its worker.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

from celery.concurrency.base import apply_target
from celery.concurrency.solo import TaskPool
from celery.exceptions import SoftTimeLimitExceeded
from celery.worker import state

Expired = Callable[[bool, float], None]  # whether it is the soft limit, and its seconds


class Pool(TaskPool):
    """For workers that have no code of users, which may hang or kill its process, and whose tasks are short."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.on_apply = self._apply  # type: ignore[method-assign]
        self._left = self.options.get("maxtasksperchild") or 0

    def _apply(self, target: Callable[..., Any], *args: Any, **options: Any) -> None:
        limits = options.pop("soft_timeout"), options.pop("timeout"), options.pop("timeout_callback")
        apply_target(partial(in_time, *limits, target), *args, **options)
        self._left -= 1
        if self._left == 0:
            state.should_stop = os.EX_OK  # type: ignore[assignment]  # and is started anew, as prefork's children are


def in_time(soft: float, hard: float, expired: Expired, target: Callable[..., Any], *args: Any) -> Any:
    """What the target returns. After the soft limit it gets a SoftTimeLimitExceeded, after the hard one the process
    ends, when what Celery does of such a task is done.
    """

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGALRM, end)
        signal.setitimer(signal.ITIMER_REAL, hard - soft)
        expired(True, soft)
        raise SoftTimeLimitExceeded(soft)

    def end(*_: object) -> None:
        try:
            expired(False, hard)
        finally:
            os._exit(os.EX_SOFTWARE)

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, soft)
    try:
        return target(*args)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)

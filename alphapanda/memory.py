"""Memory of a process: a limit for one that runs tasks, so that what eats it gets a MemoryError and the machine stays
alive; and what batches of ticks have freed is kept for the next ones.
"""

import ctypes
import resource
from typing import Any

from celery.signals import worker_process_init
from django.conf import settings

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_KEPT, _SINGLE = 64 * 2**20, 32 * 2**20  # bytes that stay at hand; of a block from where on the system gives it alone


@worker_process_init.connect
def limit_memory(**_: Any) -> None:
    most = settings.WORKER_MEMORY_MB * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def keep_freed_memory() -> None:
    """The C library gives more than a few megabytes back, and gets them anew page by page: in a replay of 2,400,000
    ticks 80,000 times, a microsecond each. Libraries other than glibc have no such thresholds.
    """
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change:
        change(_TRIM_THRESHOLD, _KEPT)
        change(_MMAP_THRESHOLD, _SINGLE)

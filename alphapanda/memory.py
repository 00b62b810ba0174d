"""A limit on the memory of a process that runs tasks: what eats it gets a MemoryError, the machine stays alive."""

import resource
from typing import Any

from celery.signals import worker_process_init
from django.conf import settings


@worker_process_init.connect
def limit_memory(**_: Any) -> None:
    most = settings.WORKER_MEMORY_MB * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))

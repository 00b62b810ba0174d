"""Tasks that end badly or late, for a real worker."""

import logging
from time import sleep

from celery import shared_task


@shared_task(name="tests.out_of_memory", soft_time_limit=4, time_limit=8)
def out_of_memory() -> None:
    raise MemoryError("by design")


@shared_task(name="tests.too_long", soft_time_limit=0.5, time_limit=1)
def too_long() -> None:
    while True:
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001  (it does not heed the soft limit either)
            continue


@shared_task(name="tests.slow", soft_time_limit=0.5, time_limit=30)
def slow() -> None:
    sleep(60)


@shared_task(name="tests.unhurried", soft_time_limit=3, time_limit=30)
def unhurried() -> None:
    logging.getLogger(__name__).warning("begun")
    sleep(2)

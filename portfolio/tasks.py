"""Thin tasks: clear the wake-up and call the service."""

from __future__ import annotations

import structlog
from celery import shared_task

from alphapanda.connection import gathered
from alphapanda.pipeline import wake_valuations
from alphapanda.wake import awake
from portfolio import services

log = structlog.get_logger(__name__)


@shared_task(name="portfolio.value", soft_time_limit=4, time_limit=8)
def value(portfolio: int, *others: int) -> None:
    """Those that are due, together. Where that fails, each has a task of its own, so that it fails for itself."""
    with gathered():
        awake(f"value:{portfolio}")
        due = services.due([portfolio, *others])
    if len(due) > 1:
        _value_together(due)
    elif due:
        services.revalue(due[0])


def _value_together(portfolios: list[int]) -> None:
    try:
        services.revalue_all(portfolios)
    except Exception as error:  # noqa: BLE001  (whatever one of them has)
        log.warning("valued_one_by_one", portfolios=portfolios, error=str(error))
        for portfolio in portfolios:
            wake_valuations([portfolio])

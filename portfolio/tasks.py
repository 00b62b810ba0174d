"""Thin tasks: clear the wake-up and call the service."""

from __future__ import annotations

from celery import shared_task

from alphapanda.connection import gathered
from alphapanda.wake import awake
from portfolio import services


@shared_task(name="portfolio.value", soft_time_limit=4, time_limit=8)
def value(portfolio: int) -> None:
    with gathered():
        awake(f"value:{portfolio}")
        is_due = services.is_due(portfolio)
    if is_due:
        services.revalue(portfolio)

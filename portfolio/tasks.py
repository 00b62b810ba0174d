"""Thin tasks: clear the wake-up and call the service."""

from __future__ import annotations

from celery import shared_task

from alphapanda.wake import awake
from portfolio import services


@shared_task(name="portfolio.value", soft_time_limit=4, time_limit=8)
def value(portfolio: int) -> None:
    awake(f"value:{portfolio}")
    if services.is_due(portfolio):
        services.revalue(portfolio)

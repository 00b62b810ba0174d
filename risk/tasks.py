"""Thin tasks: clear the wake-up and call the service; the chain goes on to execution."""

from __future__ import annotations

from celery import shared_task

from alphapanda import pipeline
from alphapanda.wake import awake
from risk import services
from trading.log import LogGapError


@shared_task(name="risk.decide", soft_time_limit=4, time_limit=8)
def decide(portfolio: int) -> None:
    awake(f"decide:{portfolio}")
    try:
        decided = services.decide(portfolio)
    except LogGapError:
        return  # the sweep comes again when the log has been read anew
    if decided >= services.MOST_SIGNALS:
        pipeline.wake_signalled(portfolio)

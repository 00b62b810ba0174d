"""Thin tasks: clear the wake-up and call the service."""

from __future__ import annotations

from time import monotonic

from celery import shared_task

from alphapanda import pipeline
from alphapanda.connection import gathered
from alphapanda.wake import awake
from risk import services
from strategies.seen import seen_for
from trading.log import LogGapError

SECONDS = 0.5  # then it is another portfolio's turn


@shared_task(name="risk.decide", soft_time_limit=4, time_limit=8)
def decide(portfolio: int, *, seen: int | None = None) -> bool:
    """Whether matching may find something: deciding has matched up to here, and the next tick wakes execution. Given
    what is `seen`, it is done once without waiting, and any message that waits still comes.
    """
    is_message = seen is None
    with gathered():
        if is_message:
            awake(f"decide:{portfolio}")
        until = seen_for(portfolio) if seen is None else seen
        deadline = monotonic() + (SECONDS if is_message else 0.0)
        try:
            while services.decide(portfolio, until, waits=is_message):
                if monotonic() > deadline:
                    pipeline.wake_signalled(portfolio)
                    break
        except LogGapError:
            return False  # the sweep comes again when the log has been read anew
        return pipeline.is_to_match(portfolio)

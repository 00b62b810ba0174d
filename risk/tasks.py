"""Thin tasks: clear the wake-up and call the service; the chain goes on to execution where that finds ticks."""

from __future__ import annotations

from time import monotonic

from celery import Task, shared_task

from alphapanda import pipeline
from alphapanda.connection import gathered
from alphapanda.wake import awake
from risk import services
from strategies.seen import seen_for
from trading.log import LogGapError

SECONDS = 0.5  # then it is another portfolio's turn


@shared_task(name="risk.decide", soft_time_limit=4, time_limit=8, bind=True)
def decide(self: Task[[int], None], portfolio: int) -> None:
    with gathered():
        awake(f"decide:{portfolio}")
        seen, deadline = seen_for(portfolio), monotonic() + SECONDS
        try:
            while services.decide(portfolio, seen):
                if monotonic() > deadline:
                    pipeline.wake_signalled(portfolio)
                    break
        except LogGapError:
            return  # the sweep comes again when the log has been read anew
        if not pipeline.is_to_match(portfolio):
            self.request.chain = None  # deciding has matched up to here, and the next tick wakes execution

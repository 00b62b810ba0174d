"""Thin tasks: clear the wake-up, call the service, let the pipeline wake the next stage."""

from __future__ import annotations

from time import monotonic
from uuid import UUID

import structlog
from celery import shared_task

from alphapanda import pipeline
from alphapanda.connection import gathered
from alphapanda.errors import FencedError
from alphapanda.wake import awake
from strategies.seen import seen_for
from trading import services
from trading.ingest import ingest as work
from trading.log import LogGapError

log = structlog.get_logger(__name__)
SECONDS = 0.5  # then it is another portfolio's turn


@shared_task(name="trading.ingest", soft_time_limit=15, time_limit=20)
def ingest(market: str) -> None:
    market_id = UUID(market)
    awake(f"ingest:{market}")
    shards = pipeline.shards_of(market_id)
    try:
        worked = work(market_id, pipeline.ingest_window(), lambda: pipeline.wake_shards(market_id, shards))
    except FencedError as error:
        log.info("fenced", reason=str(error))
        return
    if worked:
        pipeline.succeed_ingest(market_id)


@shared_task(name="trading.execute", soft_time_limit=4, time_limit=8)
def execute(portfolio: int, *, seen: int | None = None) -> bool:
    """Whether the portfolio is to be valued. Given what is `seen`, it is done once without waiting, and any message
    that waits still comes.
    """
    is_message = seen is None
    with gathered():
        if is_message:
            awake(f"execute:{portfolio}")
        until = seen_for(portfolio) if seen is None else seen
        deadline = monotonic() + (SECONDS if is_message else 0.0)
        try:
            while services.execute(portfolio, until, waits=is_message):
                if monotonic() > deadline:
                    pipeline.wake_working(portfolio)
                    break
        except LogGapError:
            return False  # the sweep comes again when the log has been read anew
        return not pipeline.wake_waiting(portfolio)

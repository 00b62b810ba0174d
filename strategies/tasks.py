"""Thin tasks: clear the wake-up, call the service, let the pipeline wake the next stage."""

from __future__ import annotations

from uuid import UUID

import structlog
from celery import shared_task

from alphapanda import pipeline
from alphapanda.errors import FencedError
from alphapanda.handover import handover
from alphapanda.wake import awake
from strategies import evaluation
from strategies.moved import Behind

log = structlog.get_logger(__name__)
SECONDS = 1.5  # less than the life of the wake-up that comes meanwhile: where that was sent again, both took turns


@shared_task(name="strategies.evaluate", soft_time_limit=4, time_limit=8)
def evaluate(market: str, shard: int) -> None:
    market_id = UUID(market)
    awake(f"evaluate:{market}:{shard}")
    mine = handover(market_id, shard)
    try:
        behind = Behind(mine.hand_on, mine.join, mine.waits)
        is_behind = evaluation.evaluate(market_id, shard, SECONDS, behind)
    except FencedError as error:
        log.info("fenced", reason=str(error))
        return
    if is_behind:
        pipeline.wake_shard(market_id, shard)

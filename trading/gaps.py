"""Recorded gaps: numbers of a log that nobody, or one slow reader, will ever see."""

from __future__ import annotations

from uuid import UUID

import structlog
from django.db import transaction

from alphapanda.events import FeedGap, envelope, publish
from trading.models import Gap

log = structlog.get_logger(__name__)


def note_gap(market: UUID, first: int, last: int, reason: str, reader: str = "") -> None:
    """Doing it twice is a no-op. `reader` names who missed them; empty, nobody can see them."""
    known = {"market_id": market, "first": first, "last": last, "reader": reader}
    _, is_new = Gap.objects.get_or_create(**known, defaults={"reason": reason})
    if is_new:
        log.warning("gap", market=str(market), first=first, last=last, reason=reason, reader=reader)
        gap = FeedGap(market_id=market, first=first, last=last, reason=reason, reader=reader)
        transaction.on_commit(lambda: publish([envelope(gap, reader or "ingest", market)]))


def note_missed(market: UUID, reader: str, first: int, last: int) -> None:
    """A reader found these numbers gone: its own gap, unless they were the feed's."""
    if not Gap.objects.filter(market=market, reader="", first__lte=first, last__gte=last).exists():
        note_gap(market, first, last, "the log was trimmed or lost before it was read", reader)

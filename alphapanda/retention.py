"""What grows is cut back: in small chunks, so that nobody waits for it. The ledger itself is never touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic, time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import DateTimeField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from alphapanda.connection import connection, key
from alphapanda.models import DeadLetter
from portfolio.models import EquityPoint, Position
from trading.models import Gap, LastPrice, Market

CHUNK = 500
ABANDONED_SECONDS = 86_400.0  # a spool without a market: its replay ended before it began
MARKET_KEYS = ("log", "last", "seen", "waiting", "awaited")


@dataclass(slots=True)
class Pruned:
    """How much of what was removed."""

    removed: Counter[str] = field(default_factory=Counter)
    is_unfinished: bool = False


def prune(seconds: float = float("inf")) -> Pruned:
    """Removes what is too old, for about so many seconds."""
    pruned, deadline = Pruned(), monotonic() + seconds
    for name, remove in CHORES.items():
        while count := remove():
            pruned.removed[name] += count
            if monotonic() > deadline:
                pruned.is_unfinished = True
                return pruned
    return pruned


def _ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def _delete(rows: QuerySet[Any]) -> int:
    """One chunk."""
    chunk = list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    rows.model._default_manager.filter(pk__in=chunk).delete()
    return len(chunk)


def thin_equity() -> int:
    """Of each day (in India) that is old enough the last point of a portfolio stays."""
    before = timezone.localtime(_ago(settings.EQUITY_KEEP_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    days = EquityPoint.objects.annotate(day=TruncDate("minute"))
    next_day = ExpressionWrapper(OuterRef("minute") + timedelta(days=1), DateTimeField())  # for the index
    later = days.filter(
        portfolio=OuterRef("portfolio"), minute__gt=OuterRef("minute"), minute__lt=next_day, day=OuterRef("day")
    )
    return _delete(days.filter(Exists(later), minute__lt=before))


def drop_gaps() -> int:
    return _delete(Gap.objects.filter(created_at__lt=_ago(settings.GAPS_KEEP_DAYS)))


def drop_letters() -> int:
    """Those that nobody needs: dealt with, or without anything that could be sent again."""
    done = Q(resolved_at__isnull=False) | Q(task="")
    return _delete(DeadLetter.objects.filter(done, last_at__lt=_ago(settings.DEAD_LETTERS_KEEP_DAYS)))


def drop_last_prices() -> int:
    """Of drained replays, except where a position is valued at them."""
    held = Position.objects.filter(portfolio__market=OuterRef("market"), instrument=OuterRef("instrument"))
    return _delete(LastPrice.objects.filter(~Exists(held), market__in=_old_replays()))


def drop_spools() -> int:
    """Files of drained replays, and those that never got a market."""
    return sum(_drop_spool(path) for path in (settings.ALPHAPANDA_HOME / "replays").glob("*") if path.is_file())


def _drop_spool(path: Path) -> bool:
    markets = Market.objects.filter(spool=str(path))
    is_known = markets.exists()
    is_abandoned = not is_known and time() - path.stat().st_mtime > ABANDONED_SECONDS
    if is_abandoned or (is_known and not markets.exclude(pk__in=_old_replays()).exists()):
        path.unlink(missing_ok=True)
        return True
    return False


def drop_keys() -> int:
    """What a late worker wrote to Redis for a market that was drained already."""
    found: dict[UUID, list[bytes]] = {}
    for kind in MARKET_KEYS:
        for place in connection().scan_iter(match=key(kind, "*"), count=1_000):
            if market := _market_of(place):
                found.setdefault(market, []).append(place)
    drained = Market.objects.filter(kind=Market.Kind.REPLAY, is_active=False, pk__in=list(found))
    places = [place for market in drained.values_list("pk", flat=True) for place in found[market]]
    return int(connection().unlink(*places)) if places else 0


def _market_of(place: bytes) -> UUID | None:
    try:
        return UUID(place.decode().split(":")[2])
    except (ValueError, IndexError):
        return None


def drop_tokens() -> int:
    """Expired refresh tokens; those on the blacklist go with them."""
    return _delete(OutstandingToken.objects.filter(expires_at__lte=timezone.now()))


def drop_sessions() -> int:
    return _delete(Session.objects.filter(expire_date__lt=timezone.now()))


def _old_replays() -> QuerySet[Market]:
    drained = Market.objects.filter(kind=Market.Kind.REPLAY, is_active=False)
    return drained.filter(created_at__lt=_ago(settings.REPLAYS_KEEP_DAYS)).only("pk")


CHORES: dict[str, Callable[[], int]] = {
    "equity points": thin_equity,
    "gaps": drop_gaps,
    "dead letters": drop_letters,
    "last prices": drop_last_prices,
    "replay files": drop_spools,
    "keys in Redis": drop_keys,
    "tokens": drop_tokens,
    "sessions": drop_sessions,
}

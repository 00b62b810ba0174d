"""The sequencer: the one writer of a market's log while it holds the lease. It gives the numbers.

Live and mock markets use only numbers reserved in PostgreSQL. A clean hand-over gives the rest back; after a
crash the next holder starts behind the reservation and the jump is a recorded gap. A replay's numbers are
places in its spool, so it can be read again from anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from time import monotonic
from uuid import UUID

import numpy as np
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, QuerySet
from numpy.typing import NDArray

from alphapanda.errors import FencedError
from alphapanda.prepared import prepared
from alphapanda.statements import ask
from strategies.models import Control
from strategies.seen import seen_by
from trading import last_prices, models
from trading.feed.sources import Source
from trading.gaps import note_gap
from trading.log import MarketLog
from trading.packing import PLAIN
from trading.progress import is_idle, low_mark, most_ahead
from trading.reference import INSTRUMENTS
from trading.ticks import Ticks
from trading.untold import NONE, Untold

log = structlog.get_logger(__name__)
RESERVE = 100_000
CONTROLS_EVERY = RENEW_EVERY = 0.1
LOW_EVERY = 0.1
TELL_EVERY = SAVE_EVERY = 1.0  # as often as portfolios are valued


class Sequencer:
    """One window of work of one holder; `epoch` fences what it writes to PostgreSQL."""

    def __init__(self, market: models.Market, market_log: MarketLog, token: str) -> None:
        self._log = market_log
        self._token = token
        models.Market.objects.filter(pk=market.pk).update(epoch=F("epoch") + 1)
        self.market = models.Market.objects.get(pk=market.pk)
        self._is_replay = self.market.kind == models.Market.Kind.REPLAY
        self._tail = market_log.tail()
        self._low = low_mark(market.pk)
        self._next = self._first_number()
        self._controls, self._width = 0, self._newest_width()
        self._controls_at = self._saved_at = self._renewed_at = self._low_at = self._told_at = float("-inf")
        self._untold = Untold()
        self._note_gap()
        self._note_untold()

    def work(self, source: Source, seconds: float, appended: Callable[[], None]) -> None:
        """Appends what the source gives until the window ends, the lease is lost or a replay is through."""
        deadline = monotonic() + seconds
        while monotonic() < deadline and not self.is_through:
            self._assign_controls()
            batch = source.take(self._next, self._room()) if self._may_append() else None
            if batch is None:
                if not self._holds():
                    return
                source.wait()
            elif not self._append(batch):
                log.warning("append_refused", market=self.market.name, first=self._next)
                return
            else:
                appended()
            if monotonic() - self._saved_at > SAVE_EVERY:
                self._save(source)

    def _holds(self) -> bool:
        """Renews the lease from time to time while there is nothing to append, which renews it too."""
        if monotonic() - self._renewed_at < RENEW_EVERY:
            return True
        self._renewed_at = monotonic()
        return self._log.renew(self._token)

    def finish(self, source: Source) -> None:
        """Ends a window cleanly: saves, last prices too (also those that a killed holder did not), and gives unused
        numbers back.
        """
        self._save(source)
        if last_prices.saved_to(self.market.pk) < self._tail:
            last_prices.save(self.market.pk, self._log.latest())
        if not self._is_replay:
            self._mine().filter(reserved_to__gte=self._next - 1).update(reserved_to=self._next - 1)

    def _mine(self) -> QuerySet[models.Market]:
        return models.Market.objects.filter(pk=self.market.pk, epoch=self.market.epoch)

    def _first_number(self) -> int:
        if self._is_replay:
            return (self._tail or min(self._low, last_prices.saved_to(self.market.pk))) + 1
        return max(self.market.reserved_to, self._tail) + 1

    def _newest_width(self) -> int:
        """Bytes of a tick in the log, as the window before has learnt it."""
        newest = self._log.read(self._tail - 1, 1) if self._is_replay and self._tail else ()
        return max((entry.ticks(INSTRUMENTS).width for entry in newest), default=PLAIN.size)

    def _note_gap(self) -> None:
        """Numbers that were reserved and may never have been appended; and those that were, and seen, but that a Redis
        with older data has no more for readers who were slower.
        """
        if self._is_replay or self._next == self._tail + 1:
            return
        seen = self._seen()
        if 0 < self._tail < seen:
            note_gap(self.market.pk, self._tail + 1, seen, "the end of the log was lost", "slow readers")
        first = max(self._tail, seen) + 1
        if first < self._next:
            note_gap(self.market.pk, first, self._next - 1, "new_holder")

    def _note_untold(self) -> None:
        """Last prices of ticks that a holder of a replay has appended, but was killed before it told them."""
        told = max(self._log.told(), self._log.first() - 1) if self._is_replay else self._tail
        for ticks in self._log.between(told, self._tail, INSTRUMENTS):
            self._untold.note(ticks)

    def _room(self) -> int:
        """How many numbers may be used; reserves more when they run out."""
        if self._is_replay:
            return int(settings.LOG_BATCH_TICKS)
        if self._next > self.market.reserved_to:
            self.market.reserved_to = self._next + RESERVE - 1
            if not self._mine().update(reserved_to=self.market.reserved_to):
                raise FencedError(f"market {self.market.name} has another sequencer")
        return min(int(settings.LOG_BATCH_TICKS), self.market.reserved_to - self._next + 1)

    def _append(self, batch: Ticks) -> bool:
        if not self._log.append(self._token, self._tail, self._controls, batch, self._told_with(batch)):
            return False
        self._tail, self._next = batch.last, batch.last + 1
        self._width = max(self._width, batch.width)
        return True

    def _told_with(self, batch: Ticks) -> NDArray[np.void]:
        """Last prices: of a replay that runs as fast as it can, not with every batch, but with the last one."""
        if not self._is_replay:
            return batch.latest
        self._untold.note(batch)
        is_one_of_many = len(batch) == settings.LOG_BATCH_TICKS and batch.last != self.market.last_tick
        if is_one_of_many and monotonic() - self._told_at < TELL_EVERY:
            return NONE
        self._told_at = monotonic()
        return self._untold.take()

    def _assign_controls(self) -> None:
        """Waiting controls take effect at the next number; whoever lost its market assigns nothing."""
        if monotonic() - self._controls_at < CONTROLS_EVERY:
            return
        self._controls_at = monotonic()
        with transaction.atomic():
            mine, counts = _locked.later(self.market.pk, self.market.epoch), _control_counts.later(self.market.pk)
            ask(mine, counts)
            if not mine.rows:
                raise FencedError(f"market {self.market.name} has another sequencer")
            for _, assigned, everything in counts.rows:
                self._controls = assigned if assigned == everything else self._assigned_now()

    def _assigned_now(self) -> int:
        """How many controls have their tick, when all that waited have got it."""
        controls = self.market.controls.all()
        controls.filter(from_tick__isnull=True).update(from_tick=self._first_unseen())
        return controls.filter(from_tick__isnull=False).count()

    def _first_unseen(self) -> int:
        """The next number, or a later one when readers were further before a replay's log was lost."""
        return max(self._next, 1 + self._seen())

    def _seen(self) -> int:
        return max((seen_by(self.market.pk, shard.number) for shard in self.market.shards.all()), default=0)

    def _may_append(self) -> bool:
        """A replay waits for slow readers; in lockstep it waits until every stage is idle."""
        if not self._is_replay:
            return True
        if self.market.is_lockstep:
            return is_idle(self.market.pk, self._tail)
        most = most_ahead(self._width)
        if self._tail - self._low >= most and monotonic() - self._low_at > LOW_EVERY:
            self._low, self._low_at = low_mark(self.market.pk), monotonic()
        return self._tail - self._low < most

    @property
    def is_through(self) -> bool:
        """Whether a replay has been appended whole."""
        return self.market.last_tick is not None and self._next > self.market.last_tick

    def _save(self, source: Source) -> None:
        """Counts of what was refused, last prices, and the log's length: what is trimmed is told."""
        self._saved_at = monotonic()
        self._mine().update(
            refused=dict(source.refused + Counter(self.market.refused)),
            conflated=self.market.conflated + source.conflated,
        )
        if self._is_replay:
            self._told_at = self._saved_at
            if not self._log.tell(self._token, self._tail, self._untold.take()):
                return
        keep = low_mark(self.market.pk) if self._is_replay else self._tail - settings.LOG_KEEP_TICKS
        if keep > 0:
            self._log.trim(keep + 1)


@prepared
def _locked(market: UUID, epoch: int) -> QuerySet[models.Market, tuple[int]]:
    mine = models.Market.objects.filter(pk=market, epoch=epoch)
    return mine.select_for_update(no_key=True).values_list("epoch")


@prepared
def _control_counts(market: UUID) -> QuerySet[Control, tuple[UUID, int, int]]:
    """How many have their tick, and how many there are."""
    controls = Control.objects.filter(market=market).order_by().values("market")
    return controls.annotate(assigned=Count("from_tick"), everything=Count("pk")).values_list(
        "market", "assigned", "everything"
    )

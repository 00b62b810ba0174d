"""What a shard commits: signals and faults at once, the states of its strategies in rounds. Always behind the fence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from django.conf import settings
from django.db import DataError, transaction
from psycopg.errors import DivisionByZero

from alphapanda import bulk
from alphapanda.errors import FencedError
from alphapanda.events import publish
from alphapanda.statements import together, write
from strategies import models, records, services
from strategies.keeping import keep, last_targets, states_of
from strategies.lane import Fault
from strategies.runner import Runner
from strategies.shard import Shard
from strategies.signal import Signal
from trading.progress import most_ahead

Found = Sequence[tuple[models.Strategy, Runner, Signal]]
SAVED_PART = 20  # a round of saving that takes longer than this part of a second makes the next one wait longer
MOST_REST = 10.0  # seconds: a replay may wait for its log meanwhile, and must not seem to be stuck
EVERYTHING = 2**62
# Divides by zero, and so undoes what it goes with, where the shard is not ours any more.
_FENCE = """
WITH mine AS (UPDATE strategies_shard SET seen = %s WHERE id = %s AND epoch = %s RETURNING id)
SELECT 1 / count(*) FROM mine
"""
_END_OF_ROUND = "UPDATE strategies_shard SET saved = %s, prices = %s WHERE id = %s"


def is_round_due(shard: Shard) -> bool:
    """Saving takes a small part of the time, but a log must not fill up behind what is saved, and what a replay has
    come to is kept.
    """
    if shard.is_over:
        return shard.row.saved < shard.seen
    rest = settings.SHARD_SAVE_SECONDS * max(1.0, SAVED_PART * shard.round_seconds)
    rest = min(rest, MOST_REST) if shard.is_replay else rest
    return _is_far(shard) or monotonic() - shard.saved_at > rest


def states_at_once(shard: Shard) -> int:
    """In one commit: few where the next tick waits meanwhile, unless the log would fill up."""
    is_patient = shard.is_replay or _is_far(shard)
    return int(settings.SHARD_SAVE_STATES if is_patient else settings.SHARD_SAVE_STATES_LIVE)


def _is_far(shard: Shard) -> bool:
    """Not so far that who is asked tick by tick could not be tried alone over all of it within a task's time."""
    is_quick = shard.is_replay and not any(lane.interest.one_by_one for lane in shard.lanes)
    most = most_ahead(shard.width) * 3 // 4 if is_quick else settings.LOG_KEEP_TICKS // 2
    return shard.seen - shard.row.saved > most


def save(shard: Shard, signals: Found, faults: Sequence[Fault]) -> None:
    """One transaction: place, signals and faults, or nothing when the epoch is not ours any more."""
    with transaction.atomic():
        with _fenced(shard, is_last=not faults):
            _insert(shard, signals)
        _quarantine(faults)


def write_behind_fence(shard: Shard, signals: Found) -> None:
    """As the first of another's transaction. Errors: DataError, by its end, when the epoch is not ours any more."""
    _fence(shard)
    _insert(shard, signals)


def _insert(shard: Shard, signals: Found) -> None:
    rows = [records.signal_row(s, strategy, r.id, shard.row.market_id) for strategy, r, s in signals]
    bulk.insert(rows, ignore_conflicts=True)
    transaction.on_commit(lambda: publish(map(records.signal_event, rows)))


def save_round(shard: Shard, most: int = EVERYTHING, *, may_be_lost: bool = False) -> None:
    """A strategy's state need not go with its signals, which nobody lets wait for it: whoever loads an older one finds
    the same signals again. The end of a round moves the place that loading starts from. What `may_be_lost` does not
    wait for the disk: after a crash of PostgreSQL loading starts from older states, and the next round saves all anew.
    """
    assert shard.round
    begun = monotonic()
    states, broken = states_of(shard, shard.round.part(dict(shard.runners()), most))
    with transaction.atomic():
        with _fenced(shard, is_last=not broken):
            if may_be_lost and not (shard.is_replay or broken):
                write("SET LOCAL synchronous_commit = off", [])
            keep(states)
            if not shard.round.waiting:
                write(_END_OF_ROUND, [shard.round.seen, shard.round.prices, shard.row.pk])
        _quarantine(broken)
    shard.note_saved(monotonic() - begun)


def _quarantine(faults: Sequence[Fault]) -> None:
    if faults:
        keep(last_targets(faults))
    for fault in faults:
        services.quarantine(fault.strategy, fault.tick + 1, fault.reason)


@contextmanager
def _fenced(shard: Shard, *, is_last: bool = False) -> Iterator[None]:
    """What is written inside goes with it, and is undone with it; and the commit, where this `is_last`. Whoever is
    frozen in between holds up those who write the same until PostgreSQL ends its session. Errors: FencedError when
    the shard is not ours any more.
    """
    try:
        with together(is_last=is_last):
            _fence(shard)
            yield
    except DataError as error:
        if isinstance(error.__cause__, DivisionByZero):
            raise FencedError(f"shard {shard.row} was taken over at epoch {shard.row.epoch}") from None
        raise


def _fence(shard: Shard) -> None:
    write(_FENCE, [shard.seen, shard.row.pk, shard.row.epoch])

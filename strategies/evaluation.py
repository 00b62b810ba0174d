"""The strategy stage: read the log behind a shard's place, evaluate, commit what came of it.

A worker keeps its shard in memory. Loading raises the shard's epoch, and every commit asks for its own epoch:
whoever was replaced, however late it wakes, writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import localcontext
from functools import partial
from time import monotonic, sleep
from uuid import UUID

import structlog
from django.db.models import F, QuerySet

from alphapanda.connection import connection, gathered
from alphapanda.lease import only_one
from alphapanda.prepared import prepared
from strategies import models, waiting
from strategies.lane import DECIMALS, Fault, Lane
from strategies.loading import look_at_suspects, take_over, unknown_controls
from strategies.moved import Behind, Moved
from strategies.saving import EVERYTHING, Found, is_round_due, save, save_round, states_at_once, write_behind_fence
from strategies.seen import publish_seen
from strategies.shard import Shard
from trading.gaps import note_missed
from trading.log import Entry, MarketLog, joined
from trading.recent import forget_read, note_read
from trading.reference import INSTRUMENTS
from trading.ticks import Ticks

log = structlog.get_logger(__name__)
MOST_SIGNALS = 2_000  # that wait for one commit: each takes 0.1 to 0.3 ms of a task that must end in time,
MARKS = 500  # and as much for every so many last prices that it carries
SLICE = 2_000  # evaluations between two looks at the clock: slow strategies are not hanging ones
SLOW_SECONDS, QUICK_SECONDS = 0.3, 0.1  # of a slice: the next one is a quarter, or twice as large
MOST_PACE = 100_000
ENTRIES, OWN_ENTRIES = 64, 20  # read at once: few where a lane waits for its fills and may not get far
STEP_SECONDS, LOOKS_PART = 0.010, 3  # between two looks at a busy log: at most, and times what evaluating took
GATHER_SECONDS = 0.02  # that signals wait for those of entries that are there already; a commit takes about as long
LINGER_SECONDS = 0.1  # on a live market that has nothing new: being woken for it would take 4 ms, looking takes one
LATER_SECONDS = 0.005  # that a shard without strategies comes behind others, which need servers and processors now
_held: dict[tuple[UUID, int], Shard] = {}


def evaluate(market: UUID, number: int, seconds: float, behind: Behind) -> bool:
    """Works off the log for at most about `seconds` and tells what is `behind` it. On a live market it stays for more,
    unless others wait for this worker. Returns whether there was more to do.

    Errors: FencedError when another worker has taken the shard over.
    """
    with only_one(f"{market}:{number}") as is_mine:
        return is_mine and not _is_through(market, number) and _work(market, number, seconds, behind)


def _is_through(market: UUID, number: int) -> bool:
    """Whether a replay has been evaluated and saved whole: loading it again for a late wake-up took 2 s at times."""
    through = models.Shard.objects.filter(market=market, number=number, saved__gte=F("market__last_tick"))
    return (market, number) not in _held and through.exists()


def _work(market: UUID, number: int, seconds: float, behind: Behind) -> bool:
    deadline, market_log = monotonic() + seconds, MarketLog(connection(), market)
    shard, goes_on = _current(market, number, market_log), True
    while goes_on:
        shard.looked_at, shard.arrival = monotonic(), 0
        is_behind = _step(shard, market_log, deadline, behind)
        goes_on = monotonic() < deadline and _goes_on(shard, market_log, is_behind)
    _keep(shard)
    return is_behind


def _goes_on(shard: Shard, market_log: MarketLog, is_behind: bool) -> bool:
    """Whether there is more now, or in a moment; a lane that waits for its fills is woken for them."""
    if shard.is_replay or not is_behind:
        return is_behind
    if shard.gives_way:
        return False
    sleep(_rest(shard.look_seconds, monotonic() - shard.looked_at))
    if not shard.own:
        market_log.await_entries(shard.seen, ENTRIES, LINGER_SECONDS)
        sleep(0.0 if shard.main.runners else LATER_SECONDS)
    return True


def _rest(look: float, passed: float) -> float:
    """Seconds after a look whose evaluating took so many: a feed has entries of some milliseconds, others need the
    processor. What was done since is part of them.
    """
    return max(0.0, min(STEP_SECONDS, LOOKS_PART * look) - passed)


def _keep(shard: Shard) -> None:
    """In memory for the next time, when its last commit succeeded; what is over is forgotten."""
    if shard.is_over:
        shard.notebook.close()
    else:
        _held[shard.row.market_id, shard.row.number] = shard


def _current(market: UUID, number: int, market_log: MarketLog) -> Shard:
    """The shard as this process left it, or loaded when another has had it since."""
    held = _held.pop((market, number), None)
    if held and _epoch(held.row.pk) == [(held.row.epoch,)]:
        return held
    forget_read((market, number))
    return take_over(market, number, market_log)


@prepared
def _epoch(shard: int) -> QuerySet[models.Shard, tuple[int]]:
    return models.Shard.objects.filter(pk=shard).values_list("epoch")


def _step(shard: Shard, market_log: MarketLog, deadline: float, behind: Behind) -> bool:
    """Moves every lane on by some entries and commits. Returns whether anything moved."""
    before = [lane.place for lane in shard.lanes]
    for lane in shard.lanes:
        _move(shard, lane, market_log, deadline)
    moved = before != [lane.place for lane in shard.lanes]
    with localcontext(DECIMALS):
        _commit(shard, behind, moved)
    due = shard.due()
    if due:
        shard.begin_round()
        save_round(shard)  # of what a control ends nothing is saved again
        states = models.StrategyState.objects.in_bulk([c.strategy_id for c in due], field_name="strategy_id")
        for control in due:
            shard.apply(control, states.get(control.strategy_id))
        look_at_suspects(shard, market_log)
    return moved or bool(due)


def _move(shard: Shard, lane: Lane, market_log: MarketLog, deadline: float) -> None:
    """Evaluates entries until there is enough to commit, a control ahead, nothing left or no time."""
    begun = monotonic()
    for entry in _entries(shard, lane, market_log):
        if entry.controls != shard.counted:
            shard.learn(unknown_controls(shard))
            shard.counted = entry.controls
        ticks = entry.ticks(INSTRUMENTS).between(0, shard.horizon)
        shard.width, shard.arrival = max(shard.width, ticks.width), shard.arrival or ticks.arrival
        if not _evaluate(shard, lane, ticks, deadline):
            return
        if entry.last > shard.horizon:
            lane.place = max(lane.place, shard.horizon)
            return
        if (lane.signals or lane.faults) and monotonic() - begun > GATHER_SECONDS:
            return


def _entries(shard: Shard, lane: Lane, market_log: MarketLog) -> Iterator[Entry]:
    """What comes behind a lane's place."""
    is_main = lane is shard.main
    entries = market_log.read(lane.place, ENTRIES if is_main else OWN_ENTRIES)
    if is_main and not shard.is_replay:
        note_read((shard.row.market_id, shard.row.number), entries)
    for entry in joined(entries):
        if entry.first > lane.place + 1:
            if shard.is_replay:
                return  # the sequencer reads its file again after a wipe
            note_missed(shard.row.market_id, f"shard {shard.row.number}", lane.place + 1, entry.first - 1)
        yield entry


def _evaluate(shard: Shard, lane: Lane, ticks: Ticks, deadline: float) -> bool:
    """Returns whether the lane may go on; afterwards no strategy's code is running."""
    may_go_on = _evaluate_in_slices(shard, lane, ticks, deadline)
    shard.notebook.clear()
    for fault in lane.slowed:
        log.warning("asked_tick_by_tick", strategy=fault.strategy, tick=fault.tick, reason=fault.reason)
    lane.slowed = []
    return may_go_on


def _evaluate_in_slices(shard: Shard, lane: Lane, ticks: Ticks, deadline: float) -> bool:
    """A lane that sees fills stops where it must wait for them."""
    for strategy, own in shard.own.items():
        if own is lane:
            return waiting.move(lane, shard.strategies[strategy], ticks, deadline, shard.notebook.clear)
    start = max(0, lane.place + 1 - ticks.first)  # ticks that it has had would pass for ones that it was quick with
    while start < len(ticks):
        begun, size = monotonic(), _slice_size(lane)
        lane.evaluate(ticks.cut(start, start + size))
        start += size
        _pace(lane, size, monotonic() - begun)
        if monotonic() > deadline or _are_enough(lane):
            return False
    return True


def _are_enough(lane: Lane) -> bool:
    """Signals, for one commit; one carries more prices than those before it."""
    return bool(lane.signals) and len(lane.signals) * (1 + len(lane.signals[-1][2].marks) // MARKS) >= MOST_SIGNALS


def _slice_size(lane: Lane) -> int:
    """Ticks between two looks at the clock: few where strategies are asked one by one, or were slow lately."""
    asked = lane.interest.one_by_one
    return max(1, min(SLICE // asked, lane.pace) if asked else lane.pace)


def _pace(lane: Lane, size: int, seconds: float) -> None:
    """Signals are many at times, and arrays are not always taken."""
    if seconds > SLOW_SECONDS:
        lane.pace = max(1, size // 4)
    elif seconds < QUICK_SECONDS:
        lane.pace = min(max(lane.pace, 2 * size), MOST_PACE)


def _commit(shard: Shard, behind: Behind, moved: bool) -> None:
    """Saves and tells what others wait for, also where the slowest lane stands: it may wait for a fill by what has
    ticked. Then quiet states, when it is their turn: some of them, or all where there is nothing else to do.
    """
    shard.look_seconds = monotonic() - shard.looked_at
    signals, faults = shard.take_signals(), shard.take_faults()
    shard.unheard += [(signal.tick, strategy.portfolio_id, signal.instrument.id) for strategy, _, signal in signals]
    told = shard.take_moved() if shard.has_news(behind.waits, moved=moved) else None
    with gathered():
        if signals or faults:
            _save(shard, signals, faults, told, behind)
        if shard.is_over and is_round_due(shard):  # before others are told of the end, for nobody comes again
            shard.begin_round()
            save_round(shard)
        if told:
            publish_seen(shard.row.market_id, shard.row.number, shard.row.epoch, told.seen)
            shard.published = told.seen
            shard.gives_way = behind.committed(told)
    if not shard.round and is_round_due(shard):
        shard.begin_round()
    if shard.round:
        save_round(shard, states_at_once(shard) if moved else EVERYTHING, may_be_lost=True)


def _save(shard: Shard, signals: Found, faults: Sequence[Fault], told: Moved | None, behind: Behind) -> None:
    """Signals together with what comes of them, but where strategies wait for their fills; alone whatever ends that."""
    is_joined = False
    try:
        if told and not (faults or shard.own):
            is_joined = behind.join(told, partial(write_behind_fence, shard, signals))
    finally:
        if not is_joined:
            save(shard, signals, faults)

"""Loading a shard: from its rows to runners at their places. Whoever loads fences off whoever had it before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db.models import F, QuerySet

from strategies import configuration, models
from strategies.lane import Fault, Lane
from strategies.marked import Marked
from strategies.runner import Said
from strategies.shard import Shard
from strategies.signal import Source
from strategies.suspects import Notebook, Suspect, died_twice, left_behind
from trading.log import MarketLog
from trading.models import Market
from trading.prices import Prices
from trading.reference import INSTRUMENTS

log = structlog.get_logger(__name__)


def take_over(market: UUID, number: int, market_log: MarketLog) -> Shard:
    """Loads a shard from its rows; from now on only this holder can commit."""
    rows = models.Shard.objects.filter(market=market, number=number)
    rows.update(epoch=F("epoch") + 1)
    row = rows.select_related("market").get()
    shard = _empty(row)
    shard.counted = models.Control.objects.filter(market=market, from_tick__isnull=False).count()  # first the count
    controls = _by_strategy(controls_of(row))
    pending: list[models.Control] = []
    shard.said = _said_since(row)
    for strategy in _strategies_of(row):
        pending += _resume(shard, strategy, controls[strategy.pk])
    shard.learn(pending)
    log.info("shard_loaded", market=str(market), shard=number, epoch=row.epoch, saved=row.saved)
    look_at_suspects(shard, market_log)
    return shard


def _strategies_of(row: models.Shard) -> QuerySet[models.Strategy]:
    """With all that a load asks of them: no query for each."""
    strategies = models.Strategy.objects.filter(portfolio__market=row.market_id, portfolio__shard=row.number)
    return strategies.select_related("portfolio", "state").prefetch_related("instruments")


def _by_strategy(controls: Iterable[models.Control]) -> defaultdict[int, list[models.Control]]:
    found: defaultdict[int, list[models.Control]] = defaultdict(list)
    for control in controls:
        found[control.strategy_id].append(control)
    return found


def _empty(row: models.Shard) -> Shard:
    folder, name = notes_folder(), f"{row.market_id}-{row.number}"
    suspects = left_behind(folder, name)
    notebook = Notebook(folder, name)
    main = Lane(
        row.saved,
        Prices.load(row.prices),
        note=notebook.note,
        interruptions=(SoftTimeLimitExceeded,),
    )
    is_replay = row.market.kind == Market.Kind.REPLAY
    return Shard(row, is_replay, main, notebook, suspects=suspects)


def notes_folder() -> Path:
    return Path(settings.ALPHAPANDA_HOME) / "suspects"


def look_at_suspects(shard: Shard, market_log: MarketLog) -> None:
    """A strategy whose worker died runs alone up to that tick; one that died there alone is out.

    A suspect that a control is yet to start is looked at again when it runs.
    """
    for suspect in [s for s in shard.suspects if s.strategy in dict(shard.runners())]:
        shard.suspects.remove(suspect)
        log.warning("suspect", strategy=suspect.strategy, tick=suspect.tick, was_alone=suspect.was_alone)
        if suspect.was_alone:
            _condemn(shard, suspect)
        elif suspect.strategy in shard.main.runners:
            _try_alone(shard, suspect, market_log)
        else:
            shard.own[suspect.strategy].note = partial(_note_again, shard.notebook, suspect.tick)


def _condemn(shard: Shard, suspect: Suspect) -> None:
    runner = dict(shard.runners())[suspect.strategy]
    shard.faults.append(Fault(suspect.strategy, suspect.tick, died_twice(suspect), runner))
    shard.remove(suspect.strategy)


def _try_alone(shard: Shard, suspect: Suspect, market_log: MarketLog) -> None:
    until = min(suspect.tick, shard.horizon)
    alone = shard.lane_from(shard.main)
    alone.note = shard.notebook.note_alone
    runner = shard.main.runners[suspect.strategy]
    alone.runners, marked, runner.marked = {suspect.strategy: runner}, runner.marked, Marked(is_all=True)
    while alone.place < until and (entries := market_log.read(alone.place)):
        for entry in entries:
            alone.evaluate(entry.ticks(INSTRUMENTS).between(0, until))
            alone.place = max(alone.place, min(entry.last, until))
    alone.settle()
    runner.marked = marked
    marked.add(signal.instrument.id for *_, signal in alone.signals)
    shard.notebook.clear()
    shard.main.signals += alone.signals
    shard.faults += alone.faults
    for fault in alone.faults:
        shard.remove(fault.strategy)


def _note_again(notebook: Notebook, suspected: int, strategy: int, tick: int) -> None:
    """A strategy with a lane of its own is alone there anyway: it is out when it dies at the same tick."""
    notebook.note(strategy, tick, is_alone=tick == suspected)


def _said_since(row: models.Shard) -> defaultdict[int, list[Said]]:
    """Signals that the saved states may not know of. A replay has no gap that would need them."""
    said: defaultdict[int, list[Said]] = defaultdict(list)
    if row.market.kind == Market.Kind.REPLAY:
        return said
    signals = models.Signal.objects.filter(portfolio__market=row.market_id, portfolio__shard=row.number)
    later = signals.filter(tick__gt=row.saved, source=Source.STRATEGY).order_by("tick", "n")
    for strategy, *one in later.values_list("strategy", "tick", "instrument", "target"):
        said[strategy].append((one[0], one[1], one[2]))
    return said


def _resume(shard: Shard, strategy: models.Strategy, controls: list[models.Control]) -> list[models.Control]:
    """Sets a strategy to its saved place; returns the controls behind that place, which are still to come."""
    state = configuration.state_of(strategy)
    place = max(state.place if state else 0, shard.row.saved)
    in_force = [control for control in controls if (control.from_tick or 0) <= place]
    shard.known |= {control.pk for control in in_force}
    shard.mark(strategy.portfolio_id, state)
    version = _version_in_force(in_force)
    if version:
        shard.add(
            strategy,
            place,
            partial(configuration.resumed, strategy, version, state, shard.row.saved, shard.rosters),
        )
    return [control for control in controls if (control.from_tick or 0) > place]


def _version_in_force(controls: Iterable[models.Control]) -> models.StrategyVersion | None:
    """What runs after these controls of one strategy; a new version takes over only from one that runs."""
    version = None
    for control in controls:
        if control.kind != models.Control.Kind.VERSION or version is not None:
            version = control.version if control.runs else None
    return version


def controls_of(row: models.Shard) -> QuerySet[models.Control]:
    """Controls of a shard that have got their tick, in order."""
    own = models.Control.objects.filter(market=row.market_id, strategy__portfolio__shard=row.number)
    given = own.filter(from_tick__isnull=False).order_by("from_tick", "pk")
    return given.select_related("strategy__portfolio", "version").prefetch_related("strategy__instruments")


def unknown_controls(shard: Shard) -> QuerySet[models.Control]:
    """Those that have got their tick since the shard learnt of some."""
    given = controls_of(shard.row)
    return given.filter(pk__in=set(given.values_list("pk", flat=True)) - shard.known)

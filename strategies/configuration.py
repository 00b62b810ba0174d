"""Which strategies run when: controls of a shard turned into runners."""

from __future__ import annotations

from django.conf import settings

from strategies import models
from strategies.registry import Registry, registry
from strategies.runner import Runner
from strategies.sheet import Rosters
from strategies.stated import stated
from trading.roster import Roster


def known_types() -> Registry:
    return registry(tuple(settings.USER_STRATEGIES))


def make_runner(strategy: models.Strategy, version: models.StrategyVersion, rosters: Rosters) -> Runner:
    """Errors: InputError when its type or its parameters are not (or no longer) usable."""
    types, instruments = known_types(), traded(strategy)
    return Runner(
        id=version.pk,
        ordinal=strategy.ordinal,
        strategy=types.find(version.type),
        parameters=types.parameters(version.type, version.parameters),
        instruments=instruments,
        roster=rosters.setdefault(instruments, Roster()),
    )


def traded(strategy: models.Strategy) -> frozenset[int] | None:
    """Ids of the instruments that a strategy trades; None for every one of its market."""
    return frozenset(instrument.pk for instrument in strategy.instruments.all()) or None


def state_of(strategy: models.Strategy) -> models.StrategyState | None:
    return getattr(strategy, "state", None)


def resumed(
    strategy: models.Strategy,
    version: models.StrategyVersion,
    state: models.StrategyState | None,
    saved: int,
    rosters: Rosters,
) -> Runner:
    """The runner as its state was saved: at its own place, or with only the targets of another version.

    Errors: whatever the strategy's own code raises.
    """
    runner = make_runner(strategy, version, rosters)
    runner.place = saved
    if state and state.version_id == version.pk:
        runner.load(stated(state.state))
        runner.place = max(state.place, saved)
    elif state:
        runner.load_targets(stated(state.state))
    runner.shown = runner.place - 1  # fills of the place itself are shown before the next tick
    return runner


def started(
    strategy: models.Strategy,
    version: models.StrategyVersion,
    state: models.StrategyState | None,
    from_tick: int,
    rosters: Rosters,
) -> Runner:
    """A new runner that keeps the targets of whatever ran before. Errors: whatever the strategy's own code raises."""
    runner = make_runner(strategy, version, rosters)
    if state:
        runner.load_targets(stated(state.state))
    runner.place = runner.shown = from_tick - 1
    return runner

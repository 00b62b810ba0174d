"""Which strategies run when: controls of a shard turned into runners."""

from __future__ import annotations

import json

from django.conf import settings

from strategies import models
from strategies.registry import Registry, registry
from strategies.runner import Runner


def known_types() -> Registry:
    return registry(tuple(settings.USER_STRATEGIES))


def make_runner(strategy: models.Strategy, version: models.StrategyVersion) -> Runner:
    """Errors: InputError when its type or its parameters are not (or no longer) usable."""
    types = known_types()
    return Runner(
        id=version.pk,
        ordinal=strategy.ordinal,
        strategy=types.find(version.type),
        parameters=types.parameters(version.type, version.parameters),
        instruments=traded(strategy),
        marked=marked(strategy.portfolio_id),
    )


def traded(strategy: models.Strategy) -> frozenset[int] | None:
    """Ids of the instruments that a strategy trades; None for every one of its market."""
    return frozenset(strategy.instruments.values_list("pk", flat=True)) or None


def marked(portfolio_id: int) -> frozenset[int] | None:
    """Ids of the instruments that any strategy of a portfolio trades."""
    wanted = [traded(s) for s in models.Strategy.objects.filter(portfolio_id=portfolio_id)]
    return None if None in wanted else frozenset().union(*(w for w in wanted if w))


def resumed(strategy: models.Strategy, version: models.StrategyVersion, saved: int) -> Runner:
    """The runner as its state was saved: at its own place, or with only the targets of another version."""
    runner = make_runner(strategy, version)
    state = models.StrategyState.objects.filter(strategy=strategy).first()
    runner.place = saved
    if state and state.version_id == version.pk:
        runner.load(json.loads(state.state))
        runner.place = max(state.place, saved)
    elif state:
        runner.load_targets(json.loads(state.state))
    runner.shown = runner.place - 1  # fills of the place itself are shown before the next tick
    return runner


def started(strategy: models.Strategy, version: models.StrategyVersion, from_tick: int) -> Runner:
    """A new runner that keeps the targets of whatever ran before."""
    runner = make_runner(strategy, version)
    state = models.StrategyState.objects.filter(strategy=strategy).first()
    if state:
        runner.load_targets(json.loads(state.state))
    runner.place = runner.shown = from_tick - 1
    return runner

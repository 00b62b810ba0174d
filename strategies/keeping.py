"""States of strategies as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings

from alphapanda.statements import together, write
from strategies import models
from strategies.lane import Fault, explained
from strategies.runner import Runner
from strategies.shard import Shard

_KEEP = """
INSERT INTO strategies_strategystate (strategy_id, version_id, place, state) VALUES (%s, %s, %s, %s)
ON CONFLICT (strategy_id)
DO UPDATE SET version_id = excluded.version_id, place = excluded.place, state = excluded.state
"""


def keep(states: list[models.StrategyState]) -> None:
    """A statement each, with the state beside its text: that is megabytes at times, and PostgreSQL read it twice."""
    with together():
        for row in states:
            write(_KEEP, [row.strategy_id, row.version_id, row.place, row.state])


def states_of(shard: Shard, wanted: set[int]) -> tuple[list[models.StrategyState], list[Fault]]:
    """States of some strategies; one whose state cannot be kept is a fault."""
    states, broken = [], []
    for strategy, runner in list(shard.runners()):
        if strategy not in wanted:
            continue
        try:
            states.append(_bounded(_state(strategy, runner, runner.dump())))
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:  # noqa: BLE001  (a strategy may have a `dump` of its own)
            broken.append(Fault(strategy, runner.place, explained(error), runner))
            shard.remove(strategy)
    return states, broken


def _bounded(state: models.StrategyState) -> models.StrategyState:
    if len(state.state) > settings.MAX_STATE_BYTES:
        raise ValueError(f"its state has {len(state.state):,} bytes; at most {settings.MAX_STATE_BYTES:,} are kept")
    return state


def last_targets(faults: Iterable[Fault]) -> list[models.StrategyState]:
    """What outlives a fault; a strategy that never ran has left nothing."""
    return [_state(f.strategy, f.runner, f.runner.targets()) for f in faults if f.runner]


def _state(strategy: int, runner: Runner, state: dict[str, Any]) -> models.StrategyState:
    return models.StrategyState(strategy_id=strategy, version_id=runner.id, place=runner.place, state=json.dumps(state))

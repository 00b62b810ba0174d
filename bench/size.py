"""How much is measured: everything, or enough for a rough idea in 3 minutes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """`rounds` are runs of each side, of which the median counts."""

    rounds: int
    backtest_ticks: int
    replay_ticks: int
    strategies: int
    pipelines: int  # of a task queue, four tasks each; faster ones get more


FULL = Size(rounds=3, backtest_ticks=1_000_000, replay_ticks=200_000, strategies=100, pipelines=1_000)
QUICK = Size(rounds=1, backtest_ticks=200_000, replay_ticks=50_000, strategies=50, pipelines=200)

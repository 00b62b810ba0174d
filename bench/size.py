"""How much is measured: everything, or enough for a rough idea in 3 minutes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """`rounds` are runs of each side, of which the median counts."""

    rounds: int
    backtest_ticks: int
    replay_ticks: int
    strategies: int
    pipelines: int  # of the slowest task queue, four tasks each; faster ones get more
    fills: int
    saves: int
    growth_evaluations: int
    many_strategies: int
    many_instruments: int
    warm_seconds: float  # of a live market before anything counts
    firehose_seconds: float
    firehose_step_seconds: float
    firehose_stride: int
    calm_seconds: float
    half_seconds: float
    many_fills: int
    requests: int


FULL = Size(
    rounds=3,
    backtest_ticks=1_000_000,
    replay_ticks=200_000,
    strategies=100,
    pipelines=600,
    fills=6_000,
    saves=500,
    growth_evaluations=24_000_000,
    many_strategies=1_000,
    many_instruments=9_000,
    warm_seconds=7,
    firehose_seconds=60,
    firehose_step_seconds=8,
    firehose_stride=1,
    calm_seconds=30,
    half_seconds=30,
    many_fills=1_000_000,
    requests=1_000,
)
QUICK = Size(
    rounds=1,
    backtest_ticks=200_000,
    replay_ticks=50_000,
    strategies=50,
    pipelines=60,
    fills=1_000,
    saves=100,
    growth_evaluations=6_000_000,
    many_strategies=100,
    many_instruments=1_000,
    warm_seconds=4,
    firehose_seconds=5,
    firehose_step_seconds=2,
    firehose_stride=5,
    calm_seconds=4,
    half_seconds=4,
    many_fills=30_000,
    requests=100,
)

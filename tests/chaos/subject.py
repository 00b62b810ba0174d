"""What is replayed: seeded minute bars or files of one's own, and the terms of the portfolio."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

from alphapanda.reference import load_instruments
from alphapanda.trial import Trial, read_trial
from trading.catalogue import Catalogue
from trading.feed.replay import Refusals, accepted_ticks
from trading.session import MINUTE, SECOND

SYMBOLS = ("HDFCBANK", "SBIN", "TCS")
MINUTES_A_DAY = 375
STRATEGIES = ["momentum", "mean_reversion", "fisher"]
PARAMETERS = ["momentum.threshold=0.001", "momentum.lookback=3", "mean_reversion.lookback=6"]
TERMS = {"param": PARAMETERS, "cash": "10000000", "slippage_bps": "5", "latency_ms": "0", "tick_size": "0.05"}
LIMITS = {
    "max_position": 1_000,
    "max_trades_per_day": 400,
    "max_price_deviation": "0.10",
    "max_age_seconds": None,
}
LAYERED = LIMITS | {
    "max_orders_per_day": 900,
    "min_seconds_between_equals": 30,
    "strategies": {"0": {"max_trades_per_day": 120}, "mean_reversion": {"max_position": 300}},
}
EXITS = {
    "stop_loss": "0.003",
    "target": "0.004",
    "trailing_stop": "0.0035",
    "strategy_stop_loss": "4000",
    "max_drawdown": "0.2",
    "square_off": "15:10",
}


def bars(folder: Path, seed: int, days: int) -> list[Path]:
    """A file of minute bars for each symbol, a random walk; the same for the same seed."""
    return [_bars(folder / f"{symbol}.csv", Random(f"{seed} {symbol}"), days) for symbol in SYMBOLS]


def _bars(path: Path, random: Random, days: int) -> Path:
    price = random.uniform(500, 2_000)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["date", "open", "high", "low", "close", "volume"])
        for moment in _minutes(days):
            prices = [price := round(price * (1 + random.gauss(0, 0.0008)), 2) for _ in range(4)]
            writer.writerow([moment, prices[0], max(prices), min(prices), prices[-1], 100])
    return path


def _minutes(days: int) -> Iterator[datetime]:
    for day in range(days):
        opening = datetime(2025, 4, 7, 9, 15) + timedelta(days=day)
        yield from (opening + timedelta(minutes=minute) for minute in range(MINUTES_A_DAY))


def trials(files: list[Path], folder: Path) -> tuple[Trial, Trial]:
    """One with limits of several scopes and a strategy that sees its fills, one with exit rules.

    Not both in one: such a strategy waits for every tick where a rule may leave its positions.
    """
    limits, layered, exits = (
        _written(folder, *of) for of in (("limits", LIMITS), ("layered", LAYERED), ("exits", EXITS))
    )
    limited = {**TERMS, "strategy": [*STRATEGIES, "patient"], "limits": layered}
    watched = {**TERMS, "strategy": STRATEGIES, "limits": limits, "exits": exits}
    names = [str(file) for file in files]
    return read_trial(names, limited), read_trial(names, watched)


def _written(folder: Path, name: str, content: dict[str, object]) -> str:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    return str(path)


def speed_for(given: Trial, seconds: float) -> float:
    """The speed at which these files last about so long, pauses of a second over long gaps included."""
    ticks = accepted_ticks(given.files, Catalogue(load_instruments(None)), given.tick_size, Refusals())
    pauses = [later - earlier for earlier, later in pairwise(tick.time for tick in ticks)]
    gaps = sum(pause > MINUTE for pause in pauses)
    recorded = sum(pause for pause in pauses if pause <= MINUTE) / SECOND
    return recorded / max(seconds - gaps, seconds / 4)

"""Runs the stages of a replay by hand, in whatever order a test wants, and compares it with the backtest."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

from django.contrib.auth.models import User

from alphapanda.audit import ledger_hash
from alphapanda.connection import connection
from alphapanda.management.commands import backtest
from alphapanda.management.commands.seed import seed_reference
from alphapanda.replaying import Wish, prepare
from alphapanda.trial import read_trial
from portfolio.models import Portfolio
from risk import services as risk
from strategies import evaluation
from strategies.models import Shard, StrategyState
from strategies.moved import Behind
from strategies.seen import seen_for
from trading import services as trading
from trading.feed.replay import Refusals
from trading.ingest import ingest
from trading.log import LogGapError
from trading.progress import is_idle

OPTIONS = {
    "strategy": ["momentum", "mean_reversion"],
    "param": ["momentum.threshold=0.002", "momentum.lookback=5", "mean_reversion.lookback=8"],
    "limits": "default",
    "cash": "1000000",
    "slippage_bps": "5",
    "latency_ms": "0",
    "tick_size": "0.05",
}
_names = (f"portfolio {n}" for n in count())


def bars(path: Path, seed: int, minutes: int = 150, start: str = "2025-04-01 09:15:00") -> Path:
    """A file of minute bars of a random walk; the same for the same seed."""
    random, price, moment = Random(seed), 1_000.0, datetime.fromisoformat(start)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["date", "open", "high", "low", "close", "volume"])
        for minute in range(minutes):
            prices = [price := round(price * (1 + random.gauss(0, 0.0015)), 2) for _ in range(4)]
            row = [prices[0], max(prices), min(prices), prices[-1]]
            writer.writerow([moment + timedelta(minutes=minute), *row, 100])
    return path


def expected(files: Iterable[Path], **options: object) -> dict:
    """What the backtest says."""
    return backtest.run(read_trial([str(f) for f in files], OPTIONS | options), None)


@dataclass
class Replay:
    portfolio: Portfolio

    @classmethod
    def of(cls, files: Iterable[Path], *, lockstep: bool = False, speed: float = 0, **options: object) -> "Replay":
        seed_reference()
        User.objects.get_or_create(username="demo")
        trial = read_trial([str(f) for f in files], OPTIONS | options)
        return cls(prepare(trial, Wish("demo", next(_names), speed, lockstep), Refusals()))

    @property
    def hash(self) -> str:
        return ledger_hash(self.portfolio)

    def ingest(self) -> None:
        ingest(self.portfolio.market_id, 0.002, lambda: None)

    def evaluate(self, seconds: float = 0) -> None:
        """At least one step."""
        evaluation.evaluate(self.portfolio.market_id, self.portfolio.shard, seconds, Behind(lambda _: None))

    def begin(self, *stages: str) -> None:
        """The first batch, up to the last of the stages named."""
        self.ingest()
        self.evaluate(5)
        for stage in stages:
            getattr(self, stage)()

    def decide(self) -> None:
        self._unless_log_is_gone(risk.decide)

    def execute(self) -> None:
        self._unless_log_is_gone(trading.execute)

    def forget(self) -> None:
        """The worker of the shard dies."""
        evaluation._held.clear()

    def wipe(self) -> None:
        """Redis loses everything."""
        connection().flushdb()

    def repeat(self) -> None:
        """Everything so far comes once more: no place of the strategies is known, and the log begins anew."""
        StrategyState.objects.filter(strategy__portfolio=self.portfolio).delete()
        Shard.objects.filter(market=self.portfolio.market).update(seen=0, saved=0, prices="{}")
        self.forget()
        self.wipe()

    def drain(self) -> None:
        market = self.portfolio.market
        for _ in range(100_000):
            if is_idle(market.pk, market.last_tick):
                return
            for stage in (self.ingest, self.evaluate, self.decide, self.execute):
                stage()
        raise AssertionError("the replay does not drain")

    def _unless_log_is_gone(self, stage) -> None:
        try:
            stage(self.portfolio.pk, seen_for(self.portfolio.pk))
        except LogGapError:
            return

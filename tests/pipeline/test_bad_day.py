"""A day on which everything goes wrong, with every limit and exit rule on, explained by the API alone.

It opens with a gap against a position of the night, its feed is late for a while, orders are denied by the dozen,
and one strategy goes mad.
"""

import csv
import json
from datetime import datetime, timedelta
from random import Random

import pytest

from tests import rows
from tests.pipeline.driver import Replay, expected
from tests.pipeline.test_parity import STRICT

pytestmark = pytest.mark.django_db(transaction=True)
EVE, DAY = datetime(2025, 4, 1, 15, 10), datetime(2025, 4, 2, 9, 15)
LATE = range(60, 90)  # ticks of the bad day that arrive a minute after their time
RULES = {
    "max_daily_loss": "2000",
    "max_drawdown": "0.2",
    "strategy_stop_loss": "2500",
    "strategy_target": "5000",
    "strategy_trailing_stop": "4000",
    "stop_loss": "0.02",
    "target": "0.05",
    "trailing_stop": "0.03",
    "square_off": "15:25",
    "scopes": [{"strategy": 2, "strategy_target": "500"}],
}
STRATEGIES = {
    "strategy": ["momentum", "mean_reversion", "mad"],
    "param": [
        *("momentum.lookback=10", "momentum.threshold=0.002", "momentum.allow_short=false"),
        *("mean_reversion.lookback=8", "mean_reversion.allow_short=false"),
    ],
}


def bad_day(path):
    """Two symbols, a tick of each every two seconds: a quiet eve, then 6 % lower and falling."""
    random, prices = Random(11), {"HDFCBANK": 1_000.0, "NOBODY": 500.0}
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", "symbol", "last_price", "volume", "arrival_time"])
        for begin, count, drift in ((EVE, 120, 0.0004), (DAY, 240, -0.0002)):
            for n in range(count):
                symbol, moment = tuple(prices)[n % 2], begin + timedelta(seconds=n)
                gap = 0.94 if begin is DAY and n < 2 else 1
                prices[symbol] *= gap * (1 + random.gauss(drift, 0.0004))
                late = timedelta(seconds=60 if begin is DAY and n in LATE else 0.2)
                price = round(prices[symbol] * 20) / 20
                writer.writerow([moment, symbol, f"{price:.2f}", 100, moment + late])
    return path


@pytest.fixture
def options(tmp_path, settings):
    settings.USER_STRATEGIES = ["tests.pipeline.sample.Mad"]
    settings.LOG_BATCH_TICKS = 60
    files = {"limits": STRICT | {"max_age_seconds": "5"}, "exits": RULES}
    for name, document in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    return STRATEGIES | {name: str(tmp_path / f"{name}.json") for name in files}


@pytest.fixture
def days(tmp_path):
    return [bad_day(tmp_path / "day.csv")]


class Reader:
    """Somebody who knows nothing but the API, read page by page."""

    def __init__(self, replay: Replay) -> None:
        self.client = rows.api(replay.portfolio.user)
        self.of = f"portfolio={replay.portfolio.pk}&page_size=500"

    def all(self, name: str) -> list[dict]:
        found, place = [], f"/api/{name}/?{self.of}"
        while place:
            page = self.client.get(place).json()
            found, place = found + page["results"], page["next"]
        return found

    def one(self, name: str, key: object) -> dict:
        return self.client.get(f"/api/{name}/{key}/").json()


@pytest.fixture
def replayed(options, days, redis) -> Replay:
    replay = Replay.of(days, **options)
    replay.drain()
    return replay


def test_bad_day_is_the_same_in_backtest_and_replay(replayed, options, days):
    wanted = expected(days, **options)
    assert replayed.hash == wanted["ledger_hash"]
    assert wanted["faults"].keys() == {"2"}


def test_every_denial_says_which_rule_with_limit_and_observed_value(replayed):
    reader = Reader(replayed)
    denied = [row for row in reader.all("decisions") if not row["approved"]]
    reasons = {rule for row in denied for rule in row["denied_by"]}
    assert reasons >= {"stale_price", "halt", "order_quantity", "position", "short_selling", "orders_per_second"}
    for row in denied:
        why = reader.one("decisions", row["id"])["why"]
        assert {verdict["rule"] for verdict in why if verdict["denies"]} == set(row["denied_by"])
        for verdict in why:
            assert not verdict["denies"] or (verdict["observed"] and verdict["sentence"]), verdict


def test_every_exit_says_which_rule_it_was(replayed):
    reader = Reader(replayed)
    exits = [row for row in reader.all("signals") if row["source"] == "rule"]
    assert {row["reason"].partition(":")[0] for row in exits} >= {"daily_loss", "strategy_target"}
    for row in exits:
        assert (" at a limit of " in row["reason"], row["target"]) == (True, 0)
    (halt,) = reader.all("risk/halts")
    assert (halt["rule"], halt["limit"], halt["in_force"], halt["state"]) == (
        "daily_loss",
        "2000.000000",
        True,
        "REDUCING",
    )
    assert float(halt["observed"]) >= 2_000
    assert halt["tick"] == min(row["tick"] for row in exits if row["reason"].startswith("daily_loss"))
    assert halt["reason"] == next(row["reason"] for row in exits if row["tick"] == halt["tick"])


def test_strategy_that_went_mad_says_so_and_positions_are_gone(replayed):
    reader = Reader(replayed)
    mad = next(row for row in reader.all("strategies") if row["type"] == "mad")
    assert (mad["status"], "11 targets at one tick" in mad["status_reason"]) == ("QUARANTINED", True)
    positions = reader.client.get(f"/api/portfolios/{replayed.portfolio.pk}/positions/").json()["results"]
    assert {row["quantity"] for row in positions} == {0}

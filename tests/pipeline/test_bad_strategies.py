"""A strategy that kills, hangs or starves its worker is quarantined; the others of its shard go on unharmed."""

import json
import subprocess

import psycopg
import pytest

from alphapanda.embedded import addresses
from tests.pipeline.driver import bars, expected
from tests.pipeline.test_house import Running, manage
from tests.servers import temporary_home

pytestmark = pytest.mark.house
SAMPLES = json.dumps([f"tests.pipeline.sample.{name}" for name in ("Exits", "Hangs", "Swallows", "EatsMemory")])
GOOD = ["--strategy", "momentum", "--param", "momentum.lookback=5", "--param", "momentum.threshold=0.001"]


@pytest.fixture(scope="module")
def house():
    with temporary_home("bad") as home:
        running = Running(home, USER_STRATEGIES=SAMPLES)
        running.start()
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return bars(tmp_path_factory.mktemp("data") / "HDFCBANK.csv", 6, 120)


def rows(house, query: str, *values: object) -> list[tuple]:
    with psycopg.connect(addresses(house.home).database_url) as connection:
        return connection.execute(query, values).fetchall()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("exits", "died twice while it looked at tick 30"),
        ("hangs", "died twice while it looked at tick 30"),
        ("swallows", "died twice while it looked at tick 30"),
        ("eats_memory", "MemoryError"),
    ],
)
def test_bad_strategy_is_quarantined_and_harms_nobody(house, file, name, reason):
    command = manage(
        "replay", str(file), "--portfolio", name, "--strategy", name, *GOOD, home=house.home, USER_STRATEGIES=SAMPLES
    )
    done = subprocess.run(**command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    query = "SELECT status, status_reason FROM strategies_strategy s JOIN portfolio_portfolio p ON p.id = portfolio_id"
    ((status, why),) = rows(house, f"{query} WHERE p.name = %s AND ordinal = 0", name)
    assert (status, reason in why) == ("QUARANTINED", True), why
    fills = "SELECT count(*) FROM trading_fill f JOIN strategies_strategy s ON s.id = strategy_id"
    of_good = f"{fills} JOIN portfolio_portfolio p ON p.id = f.portfolio_id WHERE p.name = %s AND ordinal = 1"
    alone = expected([file], strategy=["momentum"], param=["momentum.lookback=5", "momentum.threshold=0.001"])
    assert rows(house, of_good, name) == [(len(alone["fills"]),)]

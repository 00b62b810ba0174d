"""The short form of `make chaos`: one fault of each important kind, in a process and a house of its own."""

import json
import subprocess
import sys

import pytest

from alphapanda.environment import CHECKOUT

pytestmark = pytest.mark.house
KINDS = (
    "kill ingest child",
    "kill shard worker",
    "kill both portfolios workers",
    "freeze child",
    "valkey killed and its data lost",
    "postgres restarted at once",
    "messages doubled, late and in another order",
    "queues emptied for 2 s",
    "half of the connections to valkey dead for ever",
)
SIZE = ("--days", "1", "--seconds", "45", "--seed", "7", "--faults", str(len(KINDS)))


def test_the_ledger_does_not_notice_faults():
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *SIZE, "--kinds", *KINDS],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["lost"], found["doubled"], found["hash_equal"], found["troubles"]) == (0, 0, True, []), done.stdout
    assert found["by_kind"] == dict.fromkeys(KINDS, 1)
    assert done.returncode == 0, done.stdout

"""What docs/faults.md names is there."""

import re

from alphapanda.environment import CHECKOUT
from tests.chaos import faults_messages, faults_packets, faults_processes  # noqa: F401  (they register)
from tests.chaos.fault import KINDS

TABLE = "".join(line for line in (CHECKOUT / "docs/faults.md").read_text().splitlines(True) if line.startswith("| "))

UNNUMBERED = {  # beyond the list
    "connections to valkey cut",
    "freeze worker main process",
    "kill ingest child",
    "kill both portfolios workers",
    "kill shard child",
    "postgres frozen 3 s",
    "two workers on a shard",
    "valkey killed",
    "valkey restarted",
}


def test_the_table_has_all_faults():
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", TABLE, re.MULTILINE)] == list(range(1, 26))


def test_every_test_and_every_kind_of_the_table_is_there():
    files, kinds = re.findall(r"`(tests/[^`]+)`", TABLE), re.findall(r'"([^"]+)"', TABLE)
    assert [file for file in files if not (CHECKOUT / file).exists()] == []
    assert set(kinds) <= KINDS.keys()
    assert KINDS.keys() - set(kinds) == UNNUMBERED

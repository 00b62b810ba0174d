"""The table of the bench: every promised name, and ratios that point the same way."""

import json
import subprocess
import sys

import pytest

from bench.report import less_is_better, markdown, more_is_better, percentile, read, table, write

# As the contract names them.
NAMES = {
    *("pipeline_evaluations", "firehose", "tick_to_fill", "fills", "backtest"),
    *("backtest_floor", "pipeline_floor", "growth", "api", "start"),
}


def test_list_names_everything_that_is_promised():
    done = subprocess.run([sys.executable, "-m", "bench", "--list"], capture_output=True, text=True, check=True)

    assert set(done.stdout.split()) == NAMES


@pytest.mark.parametrize(
    ("row", "ratio"),
    [
        (more_is_better("backtest", 300, "ticks/s", "other", 100, ""), 3),
        (less_is_better("api", 20, "ms", "other", 10, ""), 0.5),
    ],
)
def test_a_ratio_above_one_means_that_ours_is_better(row, ratio):
    assert row.ratio == ratio


def test_losing_nothing_is_not_worse_than_losing_nothing():
    assert less_is_better("firehose", 0, "ticks lost", "aim", 0, "").ratio == 1


def test_results_are_rows_of_the_promised_fields(tmp_path):
    write([more_is_better("fills", 2, "fills/s", "save()", 1, "here")], tmp_path / "results.json")

    (row,) = json.loads((tmp_path / "results.json").read_text())
    assert row == {
        "name": "fills", "ours": 2, "unit": "fills/s", "against": "save()", "other": 1, "ratio": 2,
        "conditions": "here",
    }  # fmt: skip


def test_the_table_has_a_line_for_each_row():
    row = more_is_better("fills", 2_345, "fills/s", "save()", 1, "")

    assert [line.split()[:2] for line in table([row, row]).splitlines()][1:] == [["fills", "2,345"]] * 2


def test_written_results_come_back_as_markdown(tmp_path):
    write([more_is_better("fills", 3, "fills/s", "save()", 2, "here")], tmp_path / "results.json")

    assert markdown(read(tmp_path / "results.json")).splitlines()[-1] == "| fills | 3 | fills/s | save() | 2 | 1.5 |"


def test_a_percentile_is_a_value_that_was_seen():
    assert percentile([3, 1, 2, 4], 0.5) == 3
    assert percentile([3, 1, 2, 4], 1) == 4

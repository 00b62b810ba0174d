"""Last prices of a portfolio's instruments, as its signals keep them."""

import json

import pytest

from strategies.marked import FEW, kept, marks_of


@pytest.mark.parametrize("count", [0, 1, FEW, FEW + 1, 900])
def test_they_come_back_from_json_as_they_were(count):
    marks = {number * 7: 1_000_000 + 500 * number for number in range(1, count + 1)}
    assert marks_of(json.loads(json.dumps(kept(marks)))) == marks


def test_a_few_can_be_read_and_many_are_short():
    assert kept({7: 1_000}) == {7: 1_000}
    many = {number: 25_000_000 + 500 * (number % 97) for number in range(2_000)}
    assert len(json.dumps(kept(many))) < len(json.dumps(many)) / 3

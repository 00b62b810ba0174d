"""Last prices of a portfolio's instruments, as its signals keep them."""

import json

import numpy as np
import pytest

from strategies.marked import FEW, kept, marks_of
from trading.marks import Listing, Marks
from trading.packed import packed


@pytest.mark.parametrize("apart", [1, 7, 100])
@pytest.mark.parametrize("count", [0, 1, FEW, FEW + 1, 900])
def test_they_come_back_from_json_as_they_were(count, apart):
    marks = {number * apart: 1_000_000 + 500 * number for number in range(count, 0, -1)}
    assert marks_of(json.loads(json.dumps(kept(marks)))) == marks


def test_those_that_have_no_price_are_left_out():
    marks = Marks(Listing(np.arange(30)), np.arange(30))
    assert marks_of(kept(marks)) == {number: number for number in range(1, 30)}


def test_those_are_read_that_were_saved_in_no_order():
    assert marks_of({"instruments": packed(np.array([9, 4])), "prices": packed(np.array([1, 2]))}) == {9: 1, 4: 2}


def test_a_few_can_be_read_and_many_are_short():
    assert kept({7: 1_000}) == {7: 1_000}
    many = {number: 25_000_000 + 500 * (number % 97) for number in range(2_000)}
    assert len(json.dumps(kept(many))) < len(json.dumps(many)) / 5

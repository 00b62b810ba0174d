"""Columns of last prices say what a dict would."""

import numpy as np
import pytest

from tests.builders import SBIN, TCS, tick
from trading import prices
from trading.marks import Listing, Marks, Units
from trading.prices import Passing, Prices
from trading.ticks import Ticks


@pytest.fixture
def marks():
    return Marks(Listing(np.array([3, 7, 9])), np.array([0, 70_000, 90_000]))


def test_only_prices_that_are_known_are_there(marks):
    assert marks == {7: 70_000, 9: 90_000}
    assert (marks[7], marks.get(3), 3 in marks, list(marks), len(marks)) == (70_000, None, False, [7, 9], 2)
    assert repr(marks) == "{7: 70000, 9: 90000}"


@pytest.mark.parametrize("instrument", [3, 8])
def test_what_is_not_known_is_no_key(marks, instrument):
    with pytest.raises(KeyError):
        marks[instrument]


@pytest.mark.parametrize("instrument", [3, 8, 10])
def test_prices_of_many_are_asked_for_together(marks, instrument):
    assert marks.worth(Units({9: 2, 7: -3})) == 2 * 90_000 - 3 * 70_000
    with pytest.raises(KeyError):
        marks.worth(Units({7: 1, instrument: 0}))


def test_what_is_held_is_found_in_each_listing(marks):
    held = Units({9: 2, 7: 1})
    other = Marks(Listing(np.array([7, 8, 9])), np.array([1, 2, 3]))
    assert [of.worth(held) for of in (marks, other, marks, marks)] == [250_000, 7, 250_000, 250_000]


@pytest.mark.parametrize("held", [2**40, 2**50, 2**70])
def test_what_is_held_is_worth_exactly_its_price_however_much_it_is(marks, held):
    assert marks.worth(Units({9: held, 7: -1})) == held * 90_000 - 70_000


def test_a_listing_is_in_order_and_joined_once():
    listing = Listing.of([9, 3])
    assert listing.joined([9, 3]) is listing
    assert listing.joined([5, 5, 1, 9]).instruments.tolist() == [1, 3, 5, 9]
    assert [number in listing for number in (2, 3, 9, 10)] == [False, True, True, False]


def test_prices_are_whole_numbers_of_python(marks):
    assert type(marks[7]) is int


@pytest.mark.parametrize("few", [0, 16])
def test_many_are_told_as_few_are(monkeypatch, few):
    monkeypatch.setattr(prices, "FEW", few)
    batch = Ticks.of([tick(1, 100, SBIN), tick(2, 200, TCS), tick(3, 101, SBIN)])
    before = Prices.load(f'{{"{SBIN.id}": [1, null, 1]}}')
    passing = Passing(before, batch, [0, 1, 2])
    passing.index = 0
    assert passing.marks(Listing.of([99, SBIN.id, TCS.id])) == {SBIN.id: 1_000_000}
    passing.index = 1
    told = passing.marks()
    passing.index = 2
    assert (told, passing.marks()[SBIN.id]) == ({SBIN.id: 1_000_000, TCS.id: 2_000_000}, 1_010_000)
    assert type(told) is (Marks if few == 0 else dict)

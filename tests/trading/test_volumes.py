"""Shares traded lately: the same however ticks are batched, also over a restart."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.builders import OPEN, SBIN, TCS
from trading.prices import Passing, Prices
from trading.session import SECOND
from trading.tick import Tick
from trading.ticks import Ticks
from trading.volumes import SPAN

BEGIN = OPEN - OPEN % SPAN
TICKS = some.lists(
    some.tuples(some.sampled_from([SBIN, TCS]), some.integers(-100, 900), some.integers(0, 3)), min_size=1, max_size=40
)


def ticks(told) -> list[Tick]:
    """(instrument, seconds since a span began, volume) each."""
    return [
        Tick(n, held, 100 + n, BEGIN + seconds * SECOND, volume) for n, (held, seconds, volume) in enumerate(told, 1)
    ]


def after(told) -> Prices:
    prices = Prices()
    for tick in ticks(told):
        prices.update(tick)
    return prices


@pytest.mark.parametrize(
    ("told", "at", "expected"),
    [
        ([], 0, None),
        ([(SBIN, 0, 0)], 0, None),  # a feed that tells none
        ([(SBIN, 0, 5), (SBIN, 299, 7)], 299, 12),
        ([(SBIN, 0, 5), (SBIN, 300, 7)], 300, 12),
        ([(SBIN, 0, 5)], 599, 5),
        ([(SBIN, 0, 5)], 600, 0),
        ([(SBIN, 0, 5), (SBIN, 300, 7), (SBIN, 600, 1)], 600, 8),
        ([(SBIN, 0, 5), (SBIN, 900, 1)], 900, 1),
        ([(SBIN, 300, 5), (SBIN, 299, 1)], 300, 6),  # a late one counts where the latest is
        ([(TCS, 0, 5)], 0, None),
    ],
)
def test_volume_of_this_span_and_the_one_before(told, at, expected):
    assert after(told).volume(SBIN.id, BEGIN + at * SECOND) == expected


@given(TICKS, some.integers(1, 40))
def test_batches_make_no_difference(told, size):
    every, wanted, batched = ticks(told), after(told), Prices()
    for start in range(0, len(every), size):
        Passing(batched, Ticks.of(every[start : start + size]), []).pass_over()
    assert batched.dump() == wanted.dump()


@given(TICKS, some.data())
def test_within_a_batch_volume_and_price_before_are_those_of_its_place(told, data):
    every = ticks(told)
    begin = data.draw(some.integers(0, len(every) - 1))
    place = data.draw(some.integers(begin, len(every) - 1))
    passing = Passing(before := after(told[:begin]), Ticks.of(every[begin:]), [place - begin])
    passing.index = 0
    at = every[place]
    prices = after(told[: place + 1])
    assert passing.volume(at.instrument.id, at.time) == prices.volume(at.instrument.id, at.time)
    assert passing.previous(at.instrument.id) == prices.previous(at.instrument.id)
    passing.pass_over()
    assert before.dump() == after(told).dump()


def test_volume_outlives_a_restart_and_prices_from_before_it_load():
    prices = after([(SBIN, 0, 5), (TCS, 1, 0)])
    loaded = Prices.load(prices.dump())
    assert (loaded.volume(SBIN.id, BEGIN), loaded.dump()) == (5, prices.dump())
    older = Prices.load('{"1": [100, null, 7], "2": [200, 199, 8, 0, 5, 6]}')
    assert (older.volume(1, 7), older.previous(1), older.time(1), older.volume(2, 8)) == (None, None, 7, 11)
    assert (dict(older.marks()), dict(Prices.load("{}").marks())) == ({1: 100, 2: 200}, {})

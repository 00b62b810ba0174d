from hypothesis import given
from hypothesis import strategies as some

from strategies.indicators import Window

PRICES = some.lists(some.integers(1, 10**9), max_size=60)


def filled(size, values):
    window = Window(size)
    for value in values:
        window.add(value)
    return window


@given(PRICES, some.integers(1, 20))
def test_sums_are_those_of_the_last_values(values, size):
    window, kept = filled(size, values), values[-size:]
    assert (window.total, window.squares, len(window)) == (sum(kept), sum(v * v for v in kept), len(kept))


def test_a_window_is_full_with_exactly_its_size():
    """Pitfall: the current tick appended to history twice; a window of n prices used as n−1 steps."""
    assert [filled(3, range(n)).is_full for n in range(5)] == [False, False, False, True, True]


def test_first_is_the_oldest_and_last_the_newest_value_kept():
    window = filled(3, [1, 2, 3, 4])
    assert (window.first, window.last, window.mean) == (2, 4, 3.0)


@given(PRICES, some.integers(1, 20))
def test_a_dumped_window_goes_on_as_if_nothing_had_happened(values, size):
    window, restored = filled(size, values), Window(size)
    restored.load(window.dump())
    for value in (5, 6, 7):
        window.add(value)
        restored.add(value)
    assert (restored.dump(), restored.total, restored.squares) == (
        window.dump(),
        window.total,
        window.squares,
    )


def test_loading_more_than_fits_keeps_the_newest():
    window = Window(2)
    window.load([1, 2, 3])
    assert window.dump() == [2, 3]


def test_a_cleared_window_is_like_a_new_one():
    window = filled(3, [1, 2, 3])
    window.clear()
    assert (len(window), window.total, window.squares, window.is_full) == (0, 0, 0, False)

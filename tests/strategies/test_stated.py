"""What is kept of strategies is read as it was, in the form of today and in the one before it."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strategies.lane import Lane
from strategies.panel import Windows, unpacked_windows
from strategies.stated import signalled, stated
from strategies.tape import Tape
from tests.builders import SBIN, TCS, runner, tick
from trading.packed import packed, unpacked
from trading.roster import Roster
from trading.ticks import Ticks

whole = st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200).map(lambda n: n * 500)


@given(arrays(np.int64, st.integers(0, 9), elements=whole))
def test_whole_numbers_come_back_exactly(values):
    assert unpacked(packed(values)).tolist() == values.tolist()


def test_prices_on_a_grid_take_two_bytes_each():
    prices = np.arange(9_000) * 500 + 25_000_000
    assert len(packed(prices)) < 9_000 * 2 * 4 / 3 + 30


@given(st.integers(1, 5), st.lists(st.lists(whole, max_size=12), max_size=4))
def test_windows_come_back_exactly_however_full_they_are(size, histories):
    rows, roster = np.arange(len(histories)), Roster()
    roster.rows(rows)
    windows = Windows(size, Tape(roster))
    windows.grow(len(histories))
    for row, prices in enumerate(histories):
        windows.take(row, prices[-size:])
    assert unpacked_windows(windows.pack(rows)) == windows.dump(rows) == [prices[-size:] for prices in histories]


def test_windows_that_were_saved_as_rings_are_read():
    values = np.array([[40, 20, 30], [100, 0, 0]])
    kept = {"size": 3, "counts": packed(np.array([4, 1])), "values": packed(values)}
    assert unpacked_windows(kept) == [[20, 30, 40], [100]]


def test_states_from_before_there_were_panels_are_read():
    kept = {"7": {"target": 5, "busy": [3, 1], "prices": [100, 200]}, "8": {"target": 0, "busy": [0, 0], "prices": []}}
    assert stated(json.dumps(kept)) == kept
    assert signalled(stated(json.dumps(kept))) == {7}


def test_a_panel_tells_what_its_strategy_has_signalled_for():
    """Signals carry the last prices of these instruments: after a restart as before it."""
    shown = runner("momentum", lookback=1, threshold="0.001", quantity=3)
    lane = Lane(runners={1: shown})
    rising = [tick(number, 100 + number, SBIN) for number in range(1, 21)]
    lane.evaluate(Ticks.of([*rising, *(tick(number, 100, TCS) for number in range(21, 41))]))
    state = stated(json.dumps(shown.dump()))
    assert set(shown.dump()) == {"panel"}
    assert (state["1"]["target"], state["2"]["target"], signalled(state)) == (3, 0, {SBIN.id})

"""How many ticks a lane takes between two looks at the clock."""

from types import SimpleNamespace

from strategies import evaluation
from strategies.lane import Lane
from tests.builders import runner, ticks
from trading.ticks import Ticks


def test_ticks_that_a_lane_has_had_do_not_pass_for_ones_that_it_was_quick_with():
    """A long batch is gone through in parts: from one to the next the slices grew from 64 to 16,384 ticks, each with a
    signal, of which 2,000 are enough for a commit.
    """
    lane, batch = Lane(runners={1: runner("momentum")}), Ticks.of(ticks([100] * 100))
    lane.evaluate(batch.cut(0, 80))
    lane.pace = 4
    over = 0.0
    assert not evaluation._evaluate_in_slices(SimpleNamespace(own={}), lane, batch, deadline=over)
    assert (lane.place, lane.pace) == (84, 8)

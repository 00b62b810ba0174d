"""Rows of instruments, one by one and many at once."""

import numpy as np
import pytest

from trading import roster
from trading.roster import Roster


@pytest.mark.parametrize("most", [4, 2**22])
def test_only_those_are_found_that_have_a_row(monkeypatch, most):
    monkeypatch.setattr(roster, "MOST_TABLE", most)
    some = Roster()
    assert some.found(np.array([0, 7])).tolist() == [-1, -1]
    assert (some.row(9), some.rows(np.array([3, 5])).tolist(), some.row(5_000)) == (0, [1, 2], 3)
    assert some.found(np.array([5, 9, 4, 5_000, 3, 6_000])).tolist() == [2, 0, -1, 3, 1, -1]
    assert some.found(np.array([], np.int64)).tolist() == []

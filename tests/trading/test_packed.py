"""Whole numbers come back from their text as they were."""

import numpy as np
import pytest

from trading.packed import SOME, packed, unpacked

EVEN = np.arange(2 * SOME) * 500


@pytest.mark.parametrize(
    "values",
    [
        EVEN,
        np.append(EVEN, 7),
        EVEN[:0],
        np.full(3, -5),
        np.append(np.zeros(SOME, np.int64), [6, 9]),
        np.array([7, 2**32 + 6]),
        np.array([7, 2**32 + 7]),
        np.array([-(2**63), 2**63 - 1]),
    ],
)
def test_numbers_come_back_as_they_were(values):
    assert unpacked(packed(values)).tolist() == values.tolist()


def test_a_common_step_makes_them_short():
    assert len(packed(EVEN)) < len(packed(np.append(EVEN, 7)))

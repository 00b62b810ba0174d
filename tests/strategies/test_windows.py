"""Windows of many instruments at once against lists, with long and with short runs of prices in a batch."""

import numpy as np
import pytest

from strategies.panel import Windows
from strategies.sheet import Sheet

INSTRUMENTS = 7


def sheet_of(random, lengths) -> Sheet:
    """Some instruments, some prices of each."""
    begins = np.cumsum(lengths) - lengths
    rows = random.permutation(INSTRUMENTS)[: len(lengths)]
    count = int(lengths.sum())
    return Sheet(rows.astype(np.uint32), rows, begins, lengths, random.integers(1, 10**9, count), np.arange(count))


def expected(known, sheet, back) -> list[int]:
    found = []
    for row, begin, length in zip(sheet.rows, sheet.begins, sheet.lengths, strict=True):
        prices = known[row] + sheet.prices[begin : begin + length].tolist()
        places = range(len(known[row]) - back, len(known[row]) - back + length)
        found += [prices[place] if place >= 0 else -1 for place in places]
    return found


@pytest.mark.parametrize("size", [1, 2, 5, 13])
@pytest.mark.parametrize("most", [2, 6, 40])
def test_a_price_before_is_found_wherever_it_is(size, most):
    random, windows, known = np.random.default_rng(size + most), Windows(size), [[] for _ in range(INSTRUMENTS)]
    windows.grow(INSTRUMENTS)
    for _ in range(40):
        sheet = sheet_of(random, random.integers(1, most + 1, random.integers(1, INSTRUMENTS + 1)))
        for back in {1, (size + 1) // 2, size}:
            before = windows.before(sheet, back, np.full(len(sheet), -1))
            assert before.tolist() == expected(known, sheet, back)
        windows.keep(sheet)
        for row, begin, length in zip(sheet.rows, sheet.begins, sheet.lengths, strict=True):
            known[row] += sheet.prices[begin : begin + length].tolist()
        assert windows.dump(np.arange(INSTRUMENTS)) == [prices[-size:] for prices in known]

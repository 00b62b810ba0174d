"""Windows of many instruments at once against lists, with long and with short runs of prices in a batch."""

import numpy as np
import pytest

from strategies.panel import Panel, Windows, unpacked_states, unpacked_windows
from strategies.sheet import Sheet
from strategies.tape import LEAST_ROOM, Tape
from trading.roster import Roster

INSTRUMENTS = 7
ROWS = np.arange(INSTRUMENTS)


def tape_of(instruments: int) -> Tape:
    roster = Roster()
    roster.rows(np.arange(instruments))
    return Tape(roster)


def sheet_of(random, lengths, largest=10**9) -> Sheet:
    """Some instruments, some prices of each."""
    begins = np.cumsum(lengths) - lengths
    rows = random.permutation(INSTRUMENTS)[: len(lengths)]
    count = int(lengths.sum())
    return Sheet(rows.astype(np.uint32), rows, begins, lengths, random.integers(1, largest, count), np.arange(count))


def some_sheet(random, most, largest=10**9) -> Sheet:
    return sheet_of(random, random.integers(1, most + 1, random.integers(1, INSTRUMENTS + 1)), largest)


def expected(known, sheet, back) -> list[int]:
    found = []
    for row, begin, length in zip(sheet.rows, sheet.begins, sheet.lengths, strict=True):
        prices = known[row] + sheet.prices[begin : begin + length].tolist()
        places = range(len(known[row]) - back, len(known[row]) - back + length)
        found += [prices[place] if place >= 0 else -1 for place in places]
    return found


class Looker:
    """Windows, and the prices that they should know."""

    def __init__(self, tape, size, brought=()):
        self.windows = Windows(size, tape)
        self.windows.grow(len(tape.counts))
        self.known = [list(brought) for _ in ROWS]
        for row in ROWS:
            self.windows.take(row, self.known[row][-size:])

    def agrees_about(self, sheet):
        size, nothing = self.windows.size, np.full(len(sheet), -1)
        for back in {1, (size + 1) // 2, size}:
            assert self.windows.before(sheet, back, nothing).tolist() == expected(self.known, sheet, back)
        held = self.windows.held(sheet, np.full(len(sheet.rows), -1)).tolist()
        assert [[price for price in of if price >= 0] for of in held] == [self.known[row][-size:] for row in sheet.rows]
        counts = [
            len(self.known[r]) + n + 1 for r, of in zip(sheet.rows, sheet.lengths, strict=True) for n in range(of)
        ]
        assert self.windows.is_full(sheet).tolist() == [count >= size for count in counts]

    def has_seen(self, sheet):
        for row, begin, length in zip(sheet.rows, sheet.begins, sheet.lengths, strict=True):
            self.known[row] += sheet.prices[begin : begin + length].tolist()
        last = [prices[-self.windows.size :] for prices in self.known]
        assert self.windows.dump(ROWS) == unpacked_windows(self.windows.pack(ROWS)) == last
        assert self.windows.largest >= max(map(max, filter(None, last)))


def show(tape, sheet, lookers):
    tape.show(sheet)
    for looker in lookers:
        looker.agrees_about(sheet)
    tape.keep(sheet)
    for looker in lookers:
        looker.has_seen(sheet)


@pytest.mark.parametrize("size", [1, 2, 5, 13, 2 * LEAST_ROOM])
@pytest.mark.parametrize("most", [2, 6, 40, 4 * LEAST_ROOM])
def test_a_price_before_is_found_wherever_it_is(size, most):
    """Whoever joins later knows what it brings and what comes, whatever the tape has had; also prices that need more
    than 32 bits.
    """
    random, tape, lookers = np.random.default_rng(size + most), tape_of(INSTRUMENTS), []
    for turn in range(40):
        sheet = some_sheet(random, most, 10**9 if turn < 20 else 10**12)
        if turn % 12 == 0:
            lookers.append(Looker(tape, size + turn, random.integers(1, 10**9, turn).tolist()))
        show(tape, sheet, lookers)


def test_a_longer_window_may_join_while_a_sheet_is_shown():
    random, tape = np.random.default_rng(1), tape_of(INSTRUMENTS)
    first = Looker(tape, 3)
    for size in (20, 60):
        show(tape, some_sheet(random, 5), [first])
        sheet = some_sheet(random, 5)
        tape.show(sheet)
        first.agrees_about(sheet)
        later = Looker(tape, size, [7, 8, 9])
        later.agrees_about(sheet)
        first.agrees_about(sheet)
        tape.keep(sheet)
        first.has_seen(sheet)
        later.has_seen(sheet)


def test_windows_that_were_cleared_begin_anew_for_one_strategy_alone():
    random, tape = np.random.default_rng(2), tape_of(INSTRUMENTS)
    cleared, other = Looker(tape, 5, [1, 2, 3]), Looker(tape, 4, [1, 2])
    for turn in range(9):
        if turn % 3 == 2:
            cleared.windows.clear()
            cleared.known = [[] for _ in ROWS]
        show(tape, some_sheet(random, 4), [cleared, other])


def test_one_row_or_all_begin_anew_when_the_windows_have_long_been_full():
    random, tape = np.random.default_rng(6), tape_of(INSTRUMENTS)
    looker = Looker(tape, 5)
    for turn in range(60):
        if turn == 20:
            looker.windows.take(3, [8, 9])
            looker.known[3] = [8, 9]
        if turn == 40:
            looker.windows.clear()
            looker.known = [[] for _ in ROWS]
        show(tape, some_sheet(random, 4), [looker])


@pytest.mark.parametrize("ticks", [True, False])
def test_what_a_panel_has_not_taken_in_is_not_told_from_the_tape(ticks):
    """The roster knows instruments by others, and so does the tape where they tick."""
    random, tape = np.random.default_rng(7), tape_of(1)
    panel = Panel({"prices": 3}, tape)
    tape.show(sheet := sheet_of_first(tape, random))
    panel.bring_in(sheet, lambda _: ({}, 5))
    tape.keep(sheet)
    tape.roster.rows(np.arange(INSTRUMENTS))
    if ticks:
        tape.show(others := some_sheet(random, 6))
        panel._grow(len(tape.counts))
        tape.keep(others)
    panel.want(3, 9)
    assert panel.take_out(3) is None
    assert {instrument: of["target"] for instrument, of in unpacked_states(panel.pack()).items()} == {0: 5}


def sheet_of_first(tape, random) -> Sheet:
    return Sheet(np.zeros(1, np.uint32), *(np.array(of) for of in ([0], [0], [2])), random.integers(1, 99, 2), ROWS[:2])


def test_what_is_shown_is_known_once_it_is_kept():
    tape = tape_of(INSTRUMENTS)
    sheet = sheet_of(np.random.default_rng(3), np.array([2, 3]))
    tape.show(sheet)
    looker = Looker(tape, 2, [5])
    looker.agrees_about(sheet)
    assert looker.windows.dump(ROWS) == [[5]] * INSTRUMENTS


def test_a_tape_takes_new_instruments():
    random, tape = np.random.default_rng(4), tape_of(1)
    sheet = Sheet(np.zeros(1, np.uint32), *(np.array(of) for of in ([0], [0], [2], [70, 80], [0, 1])))
    windows = Windows(2, tape)
    windows.grow(len(tape.counts))
    tape.show(sheet)
    tape.keep(sheet)
    tape.roster.rows(np.arange(INSTRUMENTS))
    tape.show(sheet := some_sheet(random, 3))
    windows.grow(len(tape.counts))
    assert windows.dump(ROWS) == [[70, 80], *([[]] * (INSTRUMENTS - 1))]


def test_prices_are_told_in_64_bits_however_they_are_kept():
    """Strategies multiply them."""
    tape = tape_of(INSTRUMENTS)
    windows = Looker(tape, 2).windows
    for largest in (10**9, 10**12):
        tape.show(sheet := sheet_of(np.random.default_rng(5), np.array([2, 3]), largest))
        held = windows.held(sheet, np.zeros(len(sheet.rows), np.int64))
        assert tape.before(sheet, 1).dtype == held.dtype == np.int64
        tape.keep(sheet)

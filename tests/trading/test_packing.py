from decimal import Decimal

import pytest

from trading.instrument import Instrument
from trading.packing import PLAIN, WIDE, as_batch, pack, records, widened
from trading.tick import Depth, Level, Tick
from trading.ticks import Ticks

SBIN = Instrument(3, "SBIN", Decimal("0.05"))
TCS = Instrument(4_000_000_000, "TCS", Decimal("0.10"))
TABLE = {instrument.id: instrument for instrument in (SBIN, TCS)}
FIVE = tuple(Level(9_700_000 - level, 10 + level) for level in range(5))
PLAIN_TICKS = [
    Tick(8, SBIN, 9_700_000, 1_680_493_500_000_001),
    Tick(9, TCS, 10**14, -5, volume=10**15, arrival=1_680_493_500_000_002),
]
WIDE_TICKS = [
    *PLAIN_TICKS,
    Tick(10, SBIN, 1, 2, depth=Depth(FIVE, FIVE[:2])),
    Tick(11, SBIN, 1, 2, depth=Depth((), ())),
]


def unpack(data, first, table):
    return list(Ticks.unpacked(data, first, table))


@pytest.mark.parametrize("ticks", [[], PLAIN_TICKS, WIDE_TICKS])
def test_what_is_packed_comes_back(ticks):
    assert unpack(pack(ticks), 8, TABLE) == ticks


@pytest.mark.parametrize("ticks", [PLAIN_TICKS, WIDE_TICKS])
def test_a_tick_alone_is_that_of_its_place(ticks):
    assert [Ticks.unpacked(pack(ticks), 8, TABLE).tick(place) for place in range(len(ticks))] == ticks


@pytest.mark.parametrize("others", [0, 1_000])
def test_the_first_tick_of_any_is_found_however_many_are_looked_for(others):
    ticks, wanted = Ticks.of(WIDE_TICKS), {TCS.id, *range(100, 100 + others)}
    found = [ticks.find(wanted, begin, end) for begin, end in ((0, 4), (1, 2), (0, 1), (2, 4), (3, 3))]
    assert found == [1, 1, None, None, None]


def test_a_batch_is_wide_only_where_a_tick_has_depth():
    assert len(pack(PLAIN_TICKS)) == 1 + 2 * PLAIN.size
    assert len(pack(WIDE_TICKS)) == 1 + 4 * WIDE.size


def test_plain_records_can_be_made_wide():
    wide = widened(records(PLAIN_TICKS, is_wide=False))
    assert wide == records(PLAIN_TICKS, is_wide=True)
    assert unpack(as_batch(wide, is_wide=True), 8, TABLE) == PLAIN_TICKS


def test_numbers_follow_from_the_first_one():
    assert [tick.number for tick in unpack(pack(PLAIN_TICKS), 100, TABLE)] == [100, 101]


def test_ticks_with_a_hole_between_them_are_not_packed():
    with pytest.raises(ValueError, match="in a row"):
        pack([WIDE_TICKS[0], WIDE_TICKS[2]])


@pytest.mark.parametrize("data", [b"", b"\x07abc", pack(PLAIN_TICKS)[:-1]])
def test_damaged_data_is_refused(data):
    with pytest.raises(ValueError, match="batch of ticks"):
        unpack(data, 1, TABLE)


def test_an_instrument_that_is_not_in_the_table_is_a_key_error():
    with pytest.raises(KeyError):
        unpack(pack(PLAIN_TICKS), 1, {3: SBIN})

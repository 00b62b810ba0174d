from decimal import Decimal

import pytest

from alphapanda.errors import InputError
from trading.feed.spool import Spool, write_spool
from trading.instrument import Instrument
from trading.packing import pack
from trading.tick import Depth, Level, Tick
from trading.ticks import Ticks

SBIN = Instrument(3, "SBIN", Decimal("0.05"))
TABLE = {3: SBIN}
BOOK = Depth((Level(100, 5),), (Level(200, 6),))


def unpack(data, first, table):
    return list(Ticks.unpacked(data, first, table))


def ticks(count, deep=()):
    return [Tick(n, SBIN, 100 + n, 1000 * n, n, None, BOOK if n in deep else None) for n in range(1, count + 1)]


@pytest.mark.parametrize("deep", [(), (1,), (9_000,), (3, 10_000)])
def test_any_stretch_of_ticks_comes_back(tmp_path, deep):
    written = ticks(10_000, deep)
    assert write_spool(tmp_path / "spool", iter(written)) == 10_000
    with Spool(tmp_path / "spool") as spool:
        assert len(spool) == 10_000
        assert unpack(spool.batch(1, 10_000), 1, TABLE) == written
        assert unpack(spool.batch(4095, 4099), 4095, TABLE) == written[4094:4099]
        assert spool.time_of(9_999) == 9_999_000


def test_a_batch_is_what_packing_makes_of_the_same_ticks(tmp_path):
    write_spool(tmp_path / "spool", ticks(5))
    with Spool(tmp_path / "spool") as spool:
        assert spool.batch(2, 4) == pack(ticks(5)[1:4])


def test_a_batch_is_cut_to_what_there_is(tmp_path):
    write_spool(tmp_path / "spool", ticks(5))
    with Spool(tmp_path / "spool") as spool:
        assert unpack(spool.batch(4, 99), 4, TABLE) == ticks(5)[3:]
        assert unpack(spool.batch(6, 9), 6, TABLE) == []


def test_an_empty_replay_has_an_empty_spool(tmp_path):
    assert write_spool(tmp_path / "spool", []) == 0
    with Spool(tmp_path / "spool") as spool:
        assert len(spool) == 0


def test_a_tick_that_is_not_there_has_no_time(tmp_path):
    write_spool(tmp_path / "spool", ticks(5))
    with Spool(tmp_path / "spool") as spool, pytest.raises(InputError, match="no tick 6"):
        spool.time_of(6)


def test_a_failed_writing_leaves_the_old_spool_and_no_rest(tmp_path):
    write_spool(tmp_path / "spool", ticks(5))

    def failing():
        yield from ticks(2)
        raise InputError("unreadable")

    with pytest.raises(InputError):
        write_spool(tmp_path / "spool", failing())
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]
    with Spool(tmp_path / "spool") as spool:
        assert len(spool) == 5


def test_a_missing_spool_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be opened"):
        Spool(tmp_path / "none")


@pytest.mark.parametrize(("kept", "message"), [(0, "not a spool"), (10, "not a spool"), (-1, "cut short")])
def test_a_truncated_spool_is_refused(tmp_path, kept, message):
    path = tmp_path / "spool"
    write_spool(path, ticks(5))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=message):
        Spool(path)

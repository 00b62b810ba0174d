from decimal import Decimal

import pytest

from alphapanda.errors import InputError
from trading.catalogue import Catalogue
from trading.feed.replay import FIRST_LINES, Refusals, accepted_ticks
from trading.instrument import Instrument

TICK = Decimal("0.05")
SBIN = Instrument(5, "SBIN", TICK, token=779521)


@pytest.fixture
def replay(tmp_path):
    def replay(rows, catalogue):
        path = tmp_path / "ticks.csv"
        path.write_text("timestamp,token,ltp\n" + "".join(f"{1_680_493_500 + i},{row}\n" for i, row in enumerate(rows)))
        refusals = Refusals()
        return list(accepted_ticks([path], catalogue, TICK, refusals)), refusals

    return replay


def test_accepted_ticks_are_numbered_without_holes(replay):
    ticks, refusals = replay(["779521,100", "779521,1000", "779521,zero", "779521,101"], Catalogue([SBIN]))
    assert [(tick.number, tick.price_e4) for tick in ticks] == [(1, 1_000_000), (2, 1_010_000)]
    assert refusals.counts == {"jump": 1, "bad_price": 1}


def test_a_refused_jump_is_reported_with_its_line(replay):
    _, refusals = replay(["779521,100", "779521,1000"], Catalogue([SBIN]))
    assert str(refusals.first["jump"][0]).endswith("ticks.csv:3: jump: 779521 at 1000.0000")


def test_an_unknown_instrument_joins_the_catalogue(replay):
    catalogue = Catalogue([SBIN])
    ticks, _ = replay(["779521,100", "256265,200", "256265,201"], catalogue)
    assert [tick.instrument.id for tick in ticks] == [5, 6, 6]
    assert catalogue.by_id[6] == Instrument(6, "256265", TICK)


def test_only_the_first_lines_of_a_reason_are_kept(replay):
    _, refusals = replay(["779521,0"] * 30, Catalogue([SBIN]))
    assert refusals.counts["bad_price"] == 30
    assert [refusal.line for refusal in refusals.first["bad_price"]] == list(range(2, 2 + FIRST_LINES))


def test_an_unusable_file_raises_before_the_first_tick(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        accepted_ticks([tmp_path / "none.csv"], Catalogue([]), TICK, Refusals())

"""Full packets of Kite against its own samples and against hand-made frames."""

import base64
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from tests.builders import SBIN, TCS
from trading.feed.kite_packets import PACKET, Decoder, packets
from trading.packing import as_batch
from trading.tick import Level
from trading.ticks import Ticks

MOCKS = Path(__file__).resolve().parents[3] / "shared" / "data" / "kiteconnect_mocks"
ARRIVAL = 1_700_000_000_000_001
TOKENS = {738_561: SBIN.id, 341_249: TCS.id}


def frame(*rows):
    """Packets of (token, last price in paise, running total of shares)."""
    made = np.zeros(len(rows), PACKET)
    made["length"] = PACKET.itemsize - 2
    for name, column in zip(("token", "last", "total"), zip(*rows, strict=True), strict=True):
        made[name] = column
    made["time"] = 1_700_000_000
    made["depth"]["price"][:, 0], made["depth"]["quantity"][:, 0] = 99_95, 7
    return struct.pack(">h", len(rows)) + made.tobytes()


def ticks(decoder, *rows):
    data = as_batch(decoder.records(frame(*rows), ARRIVAL), is_wide=True)
    return list(Ticks.unpacked(data, 1, {SBIN.id: SBIN, TCS.id: TCS}))


def test_a_packet_becomes_a_tick_with_its_book():
    (tick,) = ticks(Decoder(TOKENS), (341_249, 100_05, 500))

    assert (tick.instrument, tick.price_e4, tick.time, tick.arrival) == (TCS, 1_000_500, 1_700_000_000_000_000, ARRIVAL)
    assert tick.depth.bids == (Level(999_500, 7),)
    assert tick.depth.asks == ()


def test_volume_is_what_came_on_top_of_the_total_also_within_a_frame():
    decoder = Decoder(TOKENS)

    first = ticks(decoder, (738_561, 100_00, 500), (341_249, 200_00, 10), (738_561, 100_05, 530))
    second = ticks(decoder, (738_561, 100_00, 535), (341_249, 200_00, 4))

    assert [tick.volume for tick in first] == [0, 0, 30]
    assert [tick.volume for tick in second] == [5, 4]


def test_a_heartbeat_holds_no_packets():
    assert len(packets(b"\x00")) == 0


@pytest.mark.parametrize(
    ("damaged", "says"),
    [
        (frame((738_561, 100_00, 1))[:-1], "does not hold 1 full packets"),
        (struct.pack(">hh", 1, 44) + bytes(184), "packets of \\[44\\] bytes"),
    ],
)
def test_a_damaged_frame_is_refused(damaged, says):
    with pytest.raises(ValueError, match=says):
        packets(damaged)


def test_a_token_that_nobody_asked_for_is_named():
    with pytest.raises(ValueError, match="token 5 was not subscribed"):
        ticks(Decoder(TOKENS), (738_561, 100_00, 1), (5, 100_00, 1))


@pytest.mark.realdata
def test_the_sample_packet_says_what_the_sample_answer_says():
    told = json.loads((MOCKS / "ticker_full.json").read_text())
    body = base64.b64decode((MOCKS / "ticker_full.packet").read_text())
    decoder = Decoder({told["instrument_token"]: SBIN.id})

    data = as_batch(decoder.records(struct.pack(">hh", 1, len(body)) + body, ARRIVAL), is_wide=True)
    (tick,) = Ticks.unpacked(data, 1, {SBIN.id: SBIN})

    assert tick.price_e4 == round(told["last_price"] * 10_000)
    assert tick.exchange_time.isoformat() == "2021-07-05T05:11:27+00:00"
    for side, levels in (("buy", tick.depth.bids), ("sell", tick.depth.asks)):
        assert [(round(level["price"] * 10_000), level["quantity"]) for level in told["depth"][side]] == [
            (level.price_e4, level.quantity) for level in levels
        ]

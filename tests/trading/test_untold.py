"""The last price of each instrument since it was told last, of however many batches."""

import random
from decimal import Decimal

import pytest

from tests.builders import SBIN, TCS, tick
from trading.instrument import Instrument
from trading.ticks import Ticks
from trading.untold import TOGETHER, Untold

INSTRUMENTS = [TCS, SBIN, Instrument(7, "HDFC", Decimal("0.05"))]


def batches(count: int, seed: int) -> list[Ticks]:
    """Of more and more instruments."""
    chosen, made, number = random.Random(seed), [], 1
    for _ in range(count):
        numbers, known = range(number, number + chosen.randint(1, 5)), INSTRUMENTS[: 1 + number // 40]
        made.append(Ticks.of([tick(n, 100 + n, chosen.choice(known)) for n in numbers]))
        number = numbers.stop
    return made


def told(untold: Untold) -> dict[int, tuple[int, int, int]]:
    records = untold.take()
    assert len({*records["instrument"].tolist()}) == len(records)
    return {int(r["instrument"]): (int(r["tick"]), int(r["price_e4"]), int(r["time"])) for r in records}


def expected(given: list[Ticks]) -> dict[int, tuple[int, int, int]]:
    return {one.instrument.id: (one.number, one.price_e4, one.time) for batch in given for one in batch}


@pytest.mark.parametrize("count", [1, 3, TOGETHER - 1, TOGETHER, TOGETHER + 1, 3 * TOGETHER])
def test_what_is_told_is_the_last_of_each_instrument_since(count):
    untold, given = Untold(), batches(2 * count, count)
    for part in (given[:count], given[count:]):
        for batch in part:
            untold.note(batch)
        assert told(untold) == expected(part)
    assert told(untold) == {}


def test_an_instrument_that_has_not_ticked_since_is_not_told_again():
    untold = Untold()
    untold.note(Ticks.of([tick(1, 100, SBIN), tick(2, 200, TCS)]))
    assert {*told(untold)} == {SBIN.id, TCS.id}
    untold.note(Ticks.of([tick(3, 201, TCS)]))
    assert {*told(untold)} == {TCS.id}

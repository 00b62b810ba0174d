"""Ticks as bytes: a byte for the form, then records of one size; numbers follow from the first one."""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from trading.instrument import Instrument
from trading.tick import Depth, Level, Tick

LEVELS = 5
# Instrument id, price, time, volume, arrival (0: not recorded).
PLAIN = struct.Struct("<Iqqqq")
# The same, then whether there is a book, and price and quantity of five bids and five asks (0: no level).
WIDE = struct.Struct("<IqqqqB20q")
TIME_OFFSET = 12
_FORM = (b"\0", b"\1")
_EMPTY = (0, 0)
_NO_BOOK = bytes(WIDE.size - PLAIN.size)


def pack(ticks: Sequence[Tick]) -> bytes:
    """A batch of consecutive ticks, wide where any of them has depth."""
    if ticks and ticks[-1].number - ticks[0].number != len(ticks) - 1:
        raise ValueError(f"ticks {ticks[0].number} to {ticks[-1].number} are not {len(ticks)} in a row")
    is_wide = any(tick.depth is not None for tick in ticks)
    return _FORM[is_wide] + records(ticks, is_wide=is_wide)


def body_of(data: bytes) -> tuple[memoryview, bool]:
    """The records of a batch and whether they are wide. Raises ValueError for damaged data."""
    if data[:1] not in _FORM:
        raise ValueError(f"not a batch of ticks: it begins with {data[:4]!r}")
    is_wide = data[:1] == _FORM[True]
    if (len(data) - 1) % (WIDE if is_wide else PLAIN).size:
        raise ValueError(f"a batch of ticks of {len(data)} bytes is cut short")
    return memoryview(data)[1:], is_wide


def as_batch(records: bytes | memoryview, *, is_wide: bool) -> bytes:
    """Records as `body_of` takes them."""
    return b"".join([_FORM[is_wide], records])


def records(ticks: Sequence[Tick], *, is_wide: bool) -> bytes:
    """Records without the byte in front."""
    return b"".join([_wide(tick) if is_wide else _plain(tick) for tick in ticks])


def widened(records: bytes) -> bytes:
    """Plain records in the wide form: theirs is its beginning."""
    plain = (records[start : start + PLAIN.size] for start in range(0, len(records), PLAIN.size))
    return b"".join([record + _NO_BOOK for record in plain])


def unpacked(
    records: bytes | memoryview, numbers: Iterable[int], instruments: Mapping[int, Instrument], *, is_wide: bool
) -> Iterator[Tick]:
    """Ticks, one after the other. Raises KeyError for an instrument that is not in the table (yet)."""
    if is_wide:
        for number, (i, price, time, volume, arrival, *book) in zip(numbers, WIDE.iter_unpack(records), strict=True):
            yield Tick(number, instruments[i], price, time, volume, arrival or None, _depth(book))
    else:
        for number, (i, price, time, volume, arrival) in zip(numbers, PLAIN.iter_unpack(records), strict=True):
            yield Tick(number, instruments[i], price, time, volume, arrival or None)


def unpacked_at(
    place: int, records: memoryview, first_number: int, instruments: Mapping[int, Instrument], *, is_wide: bool
) -> Tick:
    """The tick at a place alone, in a fifth of the time that a first step of `unpacked` takes."""
    if is_wide:
        i, price, time, volume, arrival, *book = WIDE.unpack_from(records, place * WIDE.size)
        return Tick(first_number + place, instruments[i], price, time, volume, arrival or None, _depth(book))
    i, price, time, volume, arrival = PLAIN.unpack_from(records, place * PLAIN.size)
    return Tick(first_number + place, instruments[i], price, time, volume, arrival or None)


def _plain(tick: Tick) -> bytes:
    return PLAIN.pack(tick.instrument.id, tick.price_e4, tick.time, tick.volume, tick.arrival or 0)


def _wide(tick: Tick) -> bytes:
    if tick.depth is None:
        return _plain(tick) + _NO_BOOK
    book = _side(tick.depth.bids) + _side(tick.depth.asks)
    head = tick.instrument.id, tick.price_e4, tick.time, tick.volume, tick.arrival or 0
    return WIDE.pack(*head, 1, *book)


def _side(levels: tuple[Level, ...]) -> list[int]:
    numbers = chain.from_iterable((level.price_e4, level.quantity) for level in levels[:LEVELS])
    side = list(numbers)
    return side + list(_EMPTY) * (LEVELS - len(side) // 2)


def _depth(book: list[int]) -> Depth | None:
    if not book[0]:
        return None
    return Depth(_levels(book[1 : 1 + 2 * LEVELS]), _levels(book[1 + 2 * LEVELS :]))


def _levels(side: list[int]) -> tuple[Level, ...]:
    return tuple(Level(price, size) for price, size in zip(side[::2], side[1::2], strict=True) if size)

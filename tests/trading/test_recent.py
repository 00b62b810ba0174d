"""What a shard has read last is at hand, whole or not at all."""

from uuid import uuid4

import pytest

from trading import recent as module
from trading.log import Entry
from trading.recent import forget_read, is_recent, note_read, recent

PLACE = uuid4(), 0


@pytest.fixture(autouse=True)
def nothing_read(monkeypatch) -> None:
    monkeypatch.setattr(module, "_read", {})


def read(*spans: tuple[int, int], place=PLACE, data=b"older") -> None:
    note_read(place, [Entry(first, last, 0, data) for first, last in spans])


def known(after: int, until: int, place=PLACE) -> list[int] | None:
    """The first numbers of the entries."""
    found = recent(place, after, until)
    assert is_recent(place, after, until) is (found is not None)
    return found if found is None else [entry.first for entry in found]


def test_entries_with_what_is_asked_for_are_given_in_order():
    read((1, 3), (4, 4), (5, 9))
    read((10, 12))
    assert known(3, 7) == [4, 5]
    assert known(4, 9) == [5]
    assert known(0, 12) == [1, 4, 5, 10]


@pytest.mark.parametrize("span", [(3, 9), (4, 13), (0, 1)])
def test_where_some_are_not_known_none_is_given(span):
    read((5, 9), (10, 12))
    assert known(*span) is None


def test_nothing_is_known_of_another_shard():
    read((1, 3))
    assert known(0, 3, (PLACE[0], 1)) is None
    assert known(0, 3, (uuid4(), 0)) is None


def test_what_comes_behind_a_gap_stands_alone():
    read((1, 3), (5, 9))
    assert known(2, 3) is known(3, 9) is None
    assert known(4, 9) == [5]


def test_what_is_read_again_takes_the_place_of_what_was_read():
    read((1, 4), (5, 9), (10, 12))
    read((5, 9), (10, 14), data=b"newer")
    entries = recent(PLACE, 0, 14) or ()
    assert [(entry.last, entry.data) for entry in entries] == [(4, b"older"), (9, b"newer"), (14, b"newer")]


def test_whoever_loads_a_shard_begins_anew():
    """The same numbers may stand for other ticks then."""
    read((1, 3))
    forget_read(PLACE)
    read((4, 5))
    assert known(2, 5) is None
    forget_read((uuid4(), 3))


def test_what_is_old_is_forgotten(monkeypatch):
    monkeypatch.setattr(module, "MOST_ENTRIES", 3)
    read((1, 5), (6, 10), (11, 15), (16, 16))
    assert known(4, 16) is None
    assert known(5, 16) == [6, 11, 16]


def test_memory_has_a_limit(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    read((1, 5), (6, 10), data=b"x" * 50)
    assert known(0, 10) == [1, 6]
    read((6, 10), data=b"x" * 51)
    assert (known(0, 10), known(5, 10)) == (None, [6])
    read((11, 20), data=b"x" * 101)
    assert known(10, 20) is None
    read((21, 22))
    assert known(20, 22) == [21]
    for number in range(module.MOST_SHARDS):
        read((1, 2), place=(PLACE[0], number + 1))
    assert known(20, 22) is None
    assert len(module._read) == module.MOST_SHARDS

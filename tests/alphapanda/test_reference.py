import json

import pytest

from alphapanda.errors import InputError
from alphapanda.reference import load_instruments

SBIN = {"symbol": "SBIN", "token": 779521, "tick_size": 0.05}


def test_instruments_of_a_folder_are_numbered_in_its_order(tmp_path):
    (tmp_path / "instruments.json").write_text(json.dumps([SBIN, {"symbol": "TCS", "tick_size": "0.10"}]))
    numbers = [(i.id, i.symbol, str(i.tick_size), i.token) for i in load_instruments(tmp_path)]
    assert numbers == [(1, "SBIN", "0.05", 779521), (2, "TCS", "0.10", None)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", r"instruments\.json: not JSON"),
        ("{}", r"instruments\.json: a JSON list"),
        ("[7]", r"instruments\.json: row 1: row:"),
        (json.dumps([SBIN, SBIN | {"tick_size": 0}]), r"instruments\.json: row 2: tick_size:"),
        (json.dumps([SBIN | {"tick": 1}]), r"row 1: tick: Extra inputs"),
    ],
)
def test_a_wrong_row_is_named_with_its_file_and_field(tmp_path, text, message):
    (tmp_path / "instruments.json").write_text(text)
    with pytest.raises(InputError, match=message):
        load_instruments(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"instruments\.json: cannot be read: No such file"):
        load_instruments(tmp_path)

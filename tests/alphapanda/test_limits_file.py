"""Limits as a file gives them."""

import json

import pytest

from alphapanda.errors import InputError
from alphapanda.limits_file import read_limits

TYPES = ["momentum", "mean_reversion", "momentum"]


@pytest.fixture
def read(tmp_path):
    def of(content):
        path = tmp_path / "limits.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_limits(str(path))

    return of


def test_file_names_strategies_and_instruments(read):
    given = read(
        {
            "max_position": 500,
            "strategies": {"momentum": {"max_position": 50, "instruments": {"TCS": {"max_position": 5}}}},
            "instruments": {"SBIN": {"may_short": False}},
            "user": {"max_open_orders": 9},
        }
    )
    found = [(s.kind, s.strategy, s.symbol, s.limits.max_position) for s in given.scopes(TYPES)]
    assert found == [
        ("user", None, None, None),
        ("portfolio", None, None, 500),
        ("strategy", 0, None, 50),
        ("strategy", 2, None, 50),
        ("strategy+instrument", 0, "TCS", 5),
        ("strategy+instrument", 2, "TCS", 5),
        ("portfolio+instrument", None, "SBIN", None),
    ]


def test_scope_limits_nothing_that_it_does_not_name(read):
    limits = read({"strategies": {"1": {"max_open_orders": 1}}}).scopes(TYPES)[1].limits
    assert (limits.max_open_orders, limits.max_position, limits.max_age_seconds) == (1, None, None)


@pytest.mark.parametrize(("name", "ordinals"), [("momentum", [0, 2]), ("2", [2]), ("2 momentum", [2])])
def test_strategy_is_named_by_type_or_ordinal(read, name, ordinals):
    scopes = read({"strategies": {name: {"max_position": 5}}}).scopes(TYPES)
    assert [scope.strategy for scope in scopes[1:]] == ordinals


def test_strategy_that_is_not_there_is_named(read):
    with pytest.raises(InputError, match="there is no 'momentm'; there are: 0 momentum, 1 mean_reversion"):
        read({"strategies": {"momentm": {}}}).scopes(TYPES)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('{"max_position": NaN}', "max_position"),
        ('{"max_order_value": Infinity}', "max_order_value"),
        ({"max_order_value": "NaN"}, "max_order_value"),
        ({"max_position": -1}, "max_position"),
        ({"instruments": {"SBIN": {"max_positon": 1}}}, r"instruments\.SBIN\.max_positon"),
        ({"strategies": {"momentum": {"may_short": "perhaps"}}}, r"strategies\.momentum\.may_short"),
        ("[", "not JSON"),
    ],
)
def test_nonsense_is_refused_by_name(read, content, named):
    with pytest.raises(InputError, match=named):
        read(content)

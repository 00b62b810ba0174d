import json
from datetime import time
from decimal import Decimal

import pytest

from alphapanda.errors import InputError
from alphapanda.exits_file import check_symbols, read_exits
from risk.exits import ExitRules, Scope
from risk.halt import HaltState
from tests.builders import SBIN
from trading.catalogue import Catalogue


@pytest.fixture
def written(tmp_path):
    def write(given):
        path = tmp_path / "exits.json"
        path.write_text(given if isinstance(given, str) else json.dumps(given))
        return str(path)

    return write


def test_rules_of_the_portfolio_and_of_scopes_are_read(written):
    scope = {"strategy": 0, "instrument": "SBIN", "stop_loss": "0.01"}
    exits = read_exits(written({"max_daily_loss": 5000, "square_off": "15:15", "scopes": [scope]}), 1)
    assert exits.of() == ExitRules(max_daily_loss=Decimal(5000), square_off=time(15, 15))
    assert exits.rules[1] == (Scope(0, "SBIN"), ExitRules(stop_loss=Decimal("0.01")))
    assert (exits.breach_state, exits.is_on) == (HaltState.REDUCING, True)


def test_nothing_is_on_unless_it_is_set(written):
    assert not read_exits(written({}), 1).is_on


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("nonsense", "not JSON"),
        ({"max_dayly_loss": 1}, "max_dayly_loss"),
        ({"stop_loss": 0}, "stop_loss must lie above 0"),
        ({"max_drawdown": 1}, "below 1"),
        ({"max_daily_loss": "NaN"}, "max_daily_loss"),
        ({"square_off": "25:00"}, "square_off"),
        ({"breach_state": "ACTIVE"}, "breach_state"),
        ({"scopes": [{"strategy": 0, "max_drawdown": "0.1"}]}, "whole portfolio"),
        ({"scopes": [{"instrument": "SBIN", "strategy_target": 1}]}, "whole strategy"),
        ({"scopes": [{"strategy": 1, "target": 1}]}, "there is no strategy 1"),
        ({"scopes": [{"strategy": 0}, {"strategy": 0}]}, "stands there once"),
    ],
)
def test_what_is_wrong_is_named(written, given, named):
    with pytest.raises(InputError, match=named):
        read_exits(written(given), 1)


def test_file_that_is_not_there_is_named():
    with pytest.raises(InputError, match=r"--exits nowhere\.json"):
        read_exits("nowhere.json", 1)


def test_instrument_that_nobody_knows_is_named(written):
    exits = read_exits(written({"scopes": [{"instrument": "NOPE", "target": 1}]}), 1)
    with pytest.raises(InputError, match="no instrument 'NOPE'"):
        check_symbols(exits, Catalogue([SBIN]))

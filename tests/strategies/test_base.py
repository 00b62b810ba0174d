import json

import pytest

from strategies.base import Parameters, Strategy
from strategies.indicators import Window
from tests.builders import ticks


class Zigzag(Strategy):
    """Keeps one state of every kind that is allowed."""

    def start(self):
        self.window = Window(3)
        self.count = 0
        self.extremes = {"low": None, "high": [1.5, "text", True]}

    def on_tick(self, tick):
        self.window.add(tick.price_e4)
        self.count += 1
        return self.count if self.window.is_full else None


class Holder(Strategy):
    def start(self):
        self.kept = None


def holding(value):
    strategy = Holder(Parameters())
    strategy.kept = value
    return strategy


def after(prices):
    strategy = Zigzag(Parameters())
    for tick in ticks(prices):
        strategy.on_tick(tick)
    return strategy


def test_a_state_comes_back_from_json_as_it_was():
    strategy, restored = after([10, 11, 12, 13]), Zigzag(Parameters())
    strategy.target = -5
    restored.load(json.loads(json.dumps(strategy.dump())))
    assert restored.dump() == strategy.dump()
    assert restored.target == -5


def test_a_restored_strategy_goes_on_as_if_nothing_had_happened():
    strategy, restored = after([10, 11]), Zigzag(Parameters())
    restored.load(json.loads(json.dumps(strategy.dump())))
    more = ticks([12, 13, 14])
    assert [restored.on_tick(tick) for tick in more] == [strategy.on_tick(tick) for tick in more]


def test_parameters_are_no_part_of_the_state():
    assert set(after([]).dump()) == {"target", "window", "count", "extremes"}


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        (1, 2),
        b"bytes",
        object(),
        float("nan"),
        float("-inf"),
        {1: "number as key"},
        [[{"deep": (1,)}]],
        1j,
        Holder,
    ],
)
def test_a_state_that_json_would_not_give_back_is_refused_by_name(value):
    """Pitfall: models unpickled from a path in a database row: state is data only."""
    with pytest.raises(TypeError, match="'kept'"):
        holding(value).dump()


@pytest.mark.parametrize("value", [None, True, 0, -3, 2**80, 0.1, -0.0, 1e300, "₹", "\0", [1, [2]], {"a": {}}])
def test_plain_values_are_kept_exactly(value):
    restored = json.loads(json.dumps(holding(value).dump()))["kept"]
    assert (restored, type(restored)) == (value, type(value))


def test_a_gap_clears_windows_and_nothing_else():
    strategy = after([10, 11, 12])
    strategy.target = 7
    strategy.on_gap()
    assert (len(strategy.window), strategy.count, strategy.target) == (0, 3, 7)


def test_the_name_of_a_type_is_that_of_its_class():
    class OpeningRangeBreak(Strategy):
        pass

    class Renamed(Strategy):
        name = "orb"

    assert (OpeningRangeBreak.name, Renamed.name) == ("opening_range_break", "orb")


def test_a_subclass_of_a_named_type_has_a_name_of_its_own():
    class Orb(Strategy):
        name = "orb"

    class OrbTwo(Orb):
        pass

    assert OrbTwo.name == "orb_two"


def test_unknown_parameters_are_refused():
    with pytest.raises(ValueError, match="speed"):
        Parameters.model_validate({"speed": 1})

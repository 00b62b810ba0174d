import sys

import pytest

from alphapanda.errors import InputError
from strategies.base import Strategy
from strategies.momentum import Momentum
from strategies.registry import plain, registry

GOOD = "from strategies.base import Strategy\nclass Breakout(Strategy):\n    name = 'breakout'\n"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a user's module, which is forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)

    yield write
    for name in set(sys.modules) - known:
        del sys.modules[name]
    registry.cache_clear()


@pytest.fixture
def package(module, tmp_path):
    """Writes an installed package whose entry points name strategies."""

    def write(name, text, target):
        module(name, text)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[alphapanda.strategies]\n{name} = {target}\n")
        registry.cache_clear()

    return write


def test_ours_are_always_there():
    assert {"momentum", "mean_reversion"} <= set(registry().types)


def test_a_dotted_path_is_found_by_the_name_of_its_class(module):
    module("dotted_breakout", GOOD)
    assert issubclass(registry(("dotted_breakout.Breakout",)).find("breakout"), Strategy)


def test_an_entry_point_is_found(package):
    package("packaged_breakout", GOOD, "packaged_breakout:Breakout")
    assert registry().find("breakout").__module__ == "packaged_breakout"


def test_a_broken_entry_point_hides_nobody_and_says_why(package):
    """Pitfall: a strategy row with an unknown type stopped the whole runner at start."""
    package("broken_breakout", "raise RuntimeError('no licence')", "broken_breakout:Breakout")
    found = registry()
    assert found.faults == {"broken_breakout.Breakout": "RuntimeError: no licence"}
    assert found.find("momentum") is Momentum


def test_a_module_that_exits_hides_nobody(package):
    package("leaving_breakout", "raise SystemExit(0)", "leaving_breakout:Breakout")
    assert registry().faults == {"leaving_breakout.Breakout": "SystemExit: 0"}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("no_such_module.Breakout", "ModuleNotFoundError"),
        ("strategies.momentum.Nothing", "AttributeError"),
        ("strategies.momentum.MomentumParameters", "TypeError: .* is not a Strategy"),
        ("nodots", "ValueError"),
    ],
)
def test_a_path_that_leads_nowhere_is_a_fault(path, why):
    with pytest.raises(InputError, match=f"{path} could not be loaded: {why}"):
        registry((path,)).find("breakout")


def test_nobody_takes_the_name_of_ours(module):
    module("usurper", GOOD.replace("breakout", "momentum"))
    found = registry(("usurper.Breakout",))
    assert found.find("momentum") is Momentum
    assert found.faults == {"usurper.Breakout": "the name 'momentum' is taken"}


def test_an_unknown_type_is_answered_with_the_known_ones():
    """Pitfall: the seed named strategy types that did not exist."""
    with pytest.raises(InputError, match=r"unknown strategy type 'momentun'; known types: .*mean_reversion, momentum"):
        registry().find("momentun")


def test_wrong_parameters_are_named_with_what_they_may_be():
    with pytest.raises(InputError, match=r"strategy momentum: lookback: .*greater than or equal to 1; speed: "):
        registry().parameters("momentum", {"lookback": 0, "speed": 9})


def test_a_fault_between_parameters_is_told():
    with pytest.raises(InputError, match="exit_z must be below entry_z"):
        registry().parameters("mean_reversion", {"entry_z": 1, "exit_z": 1})


@pytest.mark.parametrize("threshold", ["0.010", 0.01, "1E-2"])
def test_parameters_that_are_equal_are_written_alike(threshold):
    parameters = registry().parameters("momentum", {"threshold": threshold})
    assert plain(parameters) == {"lookback": 20, "threshold": "0.01", "quantity": 100, "allow_short": True}

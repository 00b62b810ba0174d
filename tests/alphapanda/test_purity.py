"""Which modules are pure, and which way imports point: read from the sources, and asked of an interpreter."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("alphapanda", "portfolio", "risk", "strategies", "trading")
PURE = (
    "alphapanda.errors",
    "alphapanda.identity",
    "alphapanda.ledger",
    "alphapanda.money",
    "portfolio.position",
    "portfolio.valuation",
    "risk.account_rules",
    "risk.decide",
    "risk.decision",
    "risk.exits",
    "risk.exchange_rules",
    "risk.grid",
    "risk.explanation",
    "risk.halt",
    "risk.limits",
    "risk.memory",
    "risk.rehearsal",
    "risk.rules",
    "risk.scopes",
    "risk.situation",
    "risk.standing",
    "risk.stretch",
    "risk.usage",
    "risk.triggers",
    "risk.watch",
    "strategies.backtest",
    "strategies.base",
    "strategies.indicators",
    "strategies.arrays",
    "strategies.marked",
    "trading.packed",
    "strategies.panel",
    "strategies.stated",
    "strategies.sheet",
    "strategies.tape",
    "strategies.interest",
    "strategies.lane",
    "strategies.scan",
    "strategies.mean_reversion",
    "strategies.momentum",
    "strategies.registry",
    "strategies.runner",
    "strategies.signal",
    "trading.advance",
    "trading.book",
    "trading.catalogue",
    "trading.charges",
    "trading.columns",
    "trading.feed.bars",
    "trading.feed.columns",
    "trading.feed.files",
    "trading.feed.kite_packets",
    "trading.feed.lines",
    "trading.feed.mock",
    "trading.feed.raw",
    "trading.feed.replay",
    "trading.feed.source",
    "trading.feed.timestamps",
    "trading.feed.values",
    "trading.calendar",
    "trading.facts",
    "trading.fill",
    "trading.instrument",
    "trading.order",
    "trading.packing",
    "trading.paper",
    "trading.prices",
    "trading.session",
    "trading.tick",
    "trading.marks",
    "trading.roster",
    "trading.ticks",
    "trading.validation",
    "trading.volumes",
    "trading.working",
)
LIBRARIES = {"django", "celery", "redis", "kiteconnect"}
FORBIDDEN = LIBRARIES | {"os", "time"}
SERVICES = ("portfolio", "trading", "risk")  # each may use those before it, never those behind it
KINDS = ("models", "services", "tasks")


def source_of(module: str) -> Path | None:
    path = ROOT / Path(*module.split("."))
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.exists()), None)


@cache
def modules() -> tuple[str, ...]:
    files = (file.relative_to(ROOT) for app in APPS for file in sorted((ROOT / app).rglob("*.py")))
    named = (".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files)
    return tuple(name for name in named if ".migrations" not in name)


@cache
def imports(module: str) -> frozenset[str]:
    """Everything a module imports, wherever in it, with the project's submodules told apart from names."""
    path = source_of(module)
    tree = ast.parse(path.read_text()) if path else ast.Module([], [])
    return frozenset(name for node in ast.walk(tree) for name in named_by(node))


def named_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, "imports are written in full"
        yield str(node.module)
        submodules = (f"{node.module}.{alias.name}" for alias in node.names)
        yield from (name for name in submodules if source_of(name))


@cache
def reached_from(module: str) -> frozenset[str]:
    """The modules of the project that a module needs, itself included."""
    found, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name not in found and name.split(".")[0] in APPS:
            found.add(name)
            waiting += imports(name)
    return frozenset(found)


def ends_in(module: str, kind: str) -> bool:
    return module.split(".")[1:] == [kind]


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_needs_nothing_impure_however_far_one_looks(module):
    used = {(name, library) for name in reached_from(module) for library in imports(name)}
    assert {pair for pair in used if pair[1].split(".")[0] in FORBIDDEN} == set()


def test_pure_modules_load_without_the_libraries_of_the_house():
    """In an interpreter of its own, so that nothing is loaded already."""
    program = f"import sys\nfor m in {PURE!r}: __import__(m)\nprint(*sorted({LIBRARIES!r} & set(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_every_pure_module_exists():
    assert set(PURE) <= set(modules())


def test_what_a_pure_module_needs_is_declared_pure():
    needed = {name for module in PURE for name in reached_from(module)}
    packages = {name for name in needed if str(source_of(name)).endswith("__init__.py")}
    assert needed - packages == set(PURE)


@pytest.mark.parametrize("app", SERVICES)
def test_services_point_one_way(app):
    """risk → trading → portfolio: a service reaches none of the services behind it."""
    behind = {f"{later}.services" for later in SERVICES[SERVICES.index(app) + 1 :]}
    assert reached_from(f"{app}.services") & behind == set()


@pytest.mark.parametrize("app", APPS)
def test_tasks_use_services_use_models_and_never_back(app):
    for kind, later in (("models", KINDS[1:]), ("services", KINDS[2:])):
        used = imports(f"{app}.{kind}")
        assert [name for name in used for wrong in later if ends_in(name, wrong)] == []


def test_only_tasks_know_the_pipeline():
    """Only one file joins the stages."""
    knowing = [m for m in modules() if "alphapanda.pipeline" in imports(m) and not m.startswith("alphapanda.")]
    assert [name for name in knowing if not ends_in(name, "tasks")] == []


def test_no_two_modules_of_the_apps_need_each_other():
    """A circle of imports has no direction at all."""
    circles = [m for m in modules() if any(m in reached_from(n) for n in imports(m) if n in modules() and n != m)]
    assert circles == []

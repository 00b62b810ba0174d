"""backtest, backtest_floor: ticks a second of one momentum strategy, the same fills on all sides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import peers
from bench.data import save, walk
from bench.engines.common import Outcome, Rule, Ticks, read_outcome
from bench.report import Row, middle, more_is_better
from bench.size import Size

INSTRUMENTS = 10
CENT = 0.01


@dataclass(frozen=True, slots=True)
class Engine:
    """Slow ones get the ticks of one instrument, a tenth.

    `fills_at_once`: at the price of the signal's tick, where the others wait for the next tick of the instrument.
    """

    module: str
    python: Path
    one_instrument: bool = False
    fills_at_once: bool = False
    note: str = ""


OURS = Engine("ours", peers.OURS)
FLOOR = Engine("floor", peers.OURS)
ENGINES = (
    OURS,
    FLOOR,
    Engine("nautilus", peers.PEERS, fills_at_once=True, note="its ticks are built before the clock starts"),
    Engine("vectorbt", peers.VECTORBT, note="compiled, second run; prices as a matrix, so instruments run abreast"),
    Engine("backtrader", peers.PEERS, one_instrument=True, note="its bars are built before the clock starts"),
    Engine("backtesting", peers.PEERS, one_instrument=True),
    Engine("zipline", peers.PEERS, one_instrument=True, note="each tick laid on a minute of its own"),
)


def run(size: Size, folder: Path) -> Iterator[Row]:
    data = save(walk(size.backtest_ticks, INSTRUMENTS), folder / "ticks.npz")
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    faults: dict[str, str] = {}
    for _ in range(size.rounds):
        for engine in (engine for engine in ENGINES if engine.module not in faults):
            try:
                outcomes[engine.module].append(_checked(engine, data, size.backtest_ticks))
            except (RuntimeError, AssertionError) as error:
                faults[engine.module] = str(error)
    for engine in ENGINES:
        if engine is not OURS and OURS.module not in faults and engine.module not in faults:
            yield _row(engine, outcomes)
    if faults:
        raise AssertionError("; ".join(faults.values()))


def _checked(engine: Engine, data: Path, most: int) -> Outcome:
    """One run. Errors: AssertionError when the engine did something else than the rule says."""
    outcome = read_outcome(peers.run(engine.python, f"bench.engines.{engine.module}", data, most))
    ticks = Ticks(data, outcome.ticks, instrument=1 if engine.one_instrument else None)
    fills, positions, cash = expected(ticks, at_once=engine.fills_at_once)
    found = (outcome.fills, outcome.positions, round(outcome.cash, 2))
    if found[:2] != (fills, positions) or abs(outcome.cash - cash) > CENT:
        raise AssertionError(f"{engine.module}: {found} where {(fills, positions, round(cash, 2))} is right")
    return outcome


def expected(ticks: Ticks, *, at_once: bool) -> tuple[int, dict[int, int], float]:
    """Fills, positions and cash by the rule, worked out the plain way."""
    rules: dict[int, Rule] = defaultdict(Rule)
    waiting: dict[int, int] = {}
    held: dict[int, int] = defaultdict(int)
    fills, cash = 0, 0.0
    for instrument, price in zip(ticks.instrument.tolist(), ticks.price.tolist(), strict=True):
        due = waiting.pop(instrument, 0)
        change = rules[instrument].change(price)
        if at_once:
            due = change
        elif change:
            waiting[instrument] = change
        if due:
            fills, cash = fills + 1, cash - due * price
            held[instrument] += due
    return fills, {instrument: quantity for instrument, quantity in held.items() if quantity}, cash


def _row(engine: Engine, outcomes: dict[str, list[Outcome]]) -> Row:
    ours, other = outcomes[OURS.module], outcomes[engine.module]
    name = "backtest_floor" if engine is FLOOR else "backtest"
    against = f"{other[0].engine} {other[0].version}"
    return more_is_better(name, _rate(ours), "ticks/s", against, _rate(other), _conditions(engine, ours[0], other))


def _rate(outcomes: list[Outcome]) -> float:
    return middle(outcome.ticks / outcome.seconds for outcome in outcomes)


def _conditions(engine: Engine, ours: Outcome, other: list[Outcome]) -> str:
    parts = [
        f"momentum on {ours.ticks:,} ticks of {INSTRUMENTS} instruments, one core, Python {ours.version}",
        "ours from packed records, with dated charges and all default rules, no slippage, second run",
        f"{other[0].engine} on {other[0].ticks:,} ticks of {'one' if engine.one_instrument else 'all'}, no charges",
        f"the same {other[0].fills:,} fills there",
        "it fills at the signal's own price, ours a tick later" if engine.fills_at_once else "both fill a tick later",
        engine.note,
        f"median of {len(other)}, alternating",
    ]
    return "; ".join(part for part in parts if part)

"""A runner: one configured strategy, an instance per instrument, turning ticks into signals at edges."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from alphapanda.identity import derived_id
from strategies.arrays import Prices64, Wishes
from strategies.base import Strategy
from strategies.signal import Signal, Target
from trading.fill import Fill
from trading.order import Side
from trading.prices import Known
from trading.session import SECOND
from trading.tick import Tick

MAX_SIGNALS_PER_TICK = 10
MAX_SIGNALS_PER_SECOND = 100  # of one instrument, in market time


@dataclass(slots=True)
class Marked:
    """The instruments whose last prices the signals of a portfolio carry; None is all of them."""

    instruments: frozenset[int] | None = frozenset()

    def include(self, more: frozenset[int] | None) -> None:
        self.instruments = None if more is None or self.instruments is None else self.instruments | more


ALL = Marked(None)


class Runner:
    """`id` is that of the strategy's version: signals derive theirs from it; `ordinal` is the strategy's
    number in its portfolio, `place` the last tick that the state contains, `shown` the last whose fills it knows.

    `instruments` are those it trades, None stands for all; `marked` are those of its portfolio.
    """

    def __init__(
        self,
        id: UUID,  # noqa: A002  (the field's word)
        ordinal: int,
        strategy: type[Strategy],
        parameters: BaseModel,
        instruments: frozenset[int] | None = None,
        marked: Marked = ALL,
    ) -> None:
        self.id = id
        self.ordinal = ordinal
        self.shown = -1
        self.place = 0
        self.sees_fills = strategy.sees_fills
        self.instruments = instruments
        self.marked = marked
        self.takes_arrays = strategy.on_prices is not Strategy.on_prices
        self._strategy = strategy
        self._parameters = parameters
        self._instances: dict[int, Strategy] = {}
        self._targets: dict[int, int] = {}  # ours, whatever a strategy does to its own

    @property
    def size(self) -> int:
        """How many instruments it has a state for."""
        return len(self._instances)

    def wants(self, instrument: int) -> bool:
        return self.instruments is None or instrument in self.instruments

    def on_tick(self, tick: Tick, prices: Known) -> list[Signal]:
        """Signals of one tick. Errors: whatever the strategy raises; ValueError for nonsense."""
        instrument = tick.instrument.id
        instance = self._instance(instrument)
        wanted = instance.on_tick(tick)
        held = self._targets[instrument]
        if vars(instance).get("target") is not held and instance.target != held:
            raise ValueError("`target` is for reading: return what is wanted")
        if wanted is None or (type(wanted) is int and wanted == held):
            return []
        return self._edges(instance, _targets(wanted), tick, prices)

    def on_prices(self, instrument: int, prices: Prices64) -> Wishes | None:
        """Several ticks' prices of one instrument; what comes of a wish is said by `on_wish`, in the order of ticks."""
        return _checked(self._instance(instrument).on_prices(prices), len(prices))

    def state_of(self, instrument: int) -> dict[str, Any]:
        """What `put_back` needs. Errors: TypeError when the state is none that can be kept."""
        return self._instance(instrument).dump()

    def put_back(self, instrument: int, state: dict[str, Any]) -> None:
        self._instances[instrument] = self._strategy(self._parameters)
        self._instances[instrument].load(state)

    def on_wish(self, tick: Tick, position: int, prices: Known) -> list[Signal]:
        return self._edges(self._instance(tick.instrument.id), [Target(position)], tick, prices)

    def on_fill(self, fill: Fill) -> None:
        self._instance(fill.instrument.id).on_fill(fill)

    def on_gap(self) -> None:
        for instance in self._instances.values():
            instance.on_gap()

    def dump(self) -> dict[str, Any]:
        """State of each instrument by its id (as text: it becomes JSON)."""
        return {str(instrument): instance.dump() for instrument, instance in self._instances.items()}

    def targets(self) -> dict[str, Any]:
        """The part of the state that outlives a version, a stop or a fault."""
        return {str(instrument): {"target": target} for instrument, target in self._targets.items()}

    def load(self, state: dict[str, Any]) -> None:
        for instrument, values in state.items():
            self._instance(int(instrument)).load(values)
            self._targets[int(instrument)] = int(values["target"])

    def load_targets(self, state: dict[str, Any]) -> None:
        """Of the state of another version, or from before a pause, only the targets hold."""
        self.load({instrument: {"target": values["target"]} for instrument, values in state.items()})

    def _instance(self, instrument: int) -> Strategy:
        if instrument not in self._instances:
            self._instances[instrument] = self._strategy(self._parameters)
            self._targets[instrument] = 0
        return self._instances[instrument]

    def _edges(self, instance: Strategy, targets: list[Target], tick: Tick, prices: Known) -> list[Signal]:
        signals: list[Signal] = []
        for target in targets:
            change = target.position - instance.target
            if change:
                instance.target = self._targets[tick.instrument.id] = target.position
                _count(instance, tick)
                instance.dump()  # a state that cannot be kept is a fault here, in backtest and pipeline alike
                signals.append(self._signal(len(signals), change, target, tick, prices))
        return signals

    def _signal(self, n: int, change: int, target: Target, tick: Tick, prices: Known) -> Signal:
        return Signal(
            id=derived_id(self.id, f"{tick.number}:{n}"),
            strategy=self.ordinal,
            tick=tick.number,
            n=n,
            instrument=tick.instrument,
            side=Side.of(change),
            quantity=abs(change),
            target=target.position,
            terms=target.terms(),
            time=tick.time,
            arrival=tick.arrival,
            price_e4=tick.price_e4,
            previous_e4=prices.previous(tick.instrument.id),
            marks=prices.marks(self.marked.instruments),
            reason=target.reason,
            confidence=float(target.confidence),
            volume=prices.volume(tick.instrument.id, tick.time),
        )


def _count(instance: Strategy, tick: Tick) -> None:
    """Errors: ValueError when a strategy signals madly; the count is part of the state, so a restart agrees."""
    second = tick.time // SECOND
    instance.busy = [second, instance.busy[1] + 1 if instance.busy[0] == second else 1]
    if instance.busy[1] > MAX_SIGNALS_PER_SECOND:
        raise ValueError(f"more than {MAX_SIGNALS_PER_SECOND} signals within a second of market time")


def _checked(wishes: Any, count: int) -> Wishes | None:
    """What `on_prices` returned. Errors: ValueError or TypeError when it is no list of places and positions."""
    for index, _ in wishes or ():
        if type(index) is not int or not 0 <= index < count:
            raise ValueError(f"`on_prices` must name places from 0 to {count - 1}, got {index!r}")
    return None if wishes is None else list(wishes)


def _targets(wanted: Any) -> list[Target]:
    """What `on_tick` returned, as targets. Errors: ValueError for anything else."""
    several = wanted if isinstance(wanted, list) else [wanted]
    if len(several) > MAX_SIGNALS_PER_TICK:
        raise ValueError(f"{len(several)} targets at one tick; at most {MAX_SIGNALS_PER_TICK}")
    return [t if isinstance(t, Target) else Target(t) for t in several]

"""A runner: one configured strategy, an instance per instrument, turning ticks into signals at edges."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from alphapanda.identity import derived_id
from strategies.arrays import Wishes, checked
from strategies.base import Strategy
from strategies.indicators import Window
from strategies.marked import Marked
from strategies.panel import Panel
from strategies.sheet import Sheet
from strategies.signal import Signal, Target, plain_target
from strategies.tape import Tape
from trading.fill import Fill
from trading.order import Side
from trading.prices import Known
from trading.roster import Roster
from trading.session import SECOND
from trading.tick import Tick

MAX_SIGNALS_PER_TICK = 10
MAX_SIGNALS_PER_SECOND = 100  # of one instrument, in market time
QUIET = [0, 0]
PACKED = 16  # instruments in a panel are saved in the time of one that has a state of its own
Said = tuple[int, int, int]  # tick, instrument, target


class Runner:
    """`id` is that of the strategy's version: signals derive theirs from it; `ordinal` is the strategy's
    number in its portfolio, `place` the last tick that the state contains, `shown` the last whose fills it knows,
    `said` what it has signalled since, as far as that is known.
    `instruments` are those it trades, None stands for all; `marked` are those whose prices its signals carry.
    """

    def __init__(
        self,
        id: UUID,  # noqa: A002  (the field's word)
        ordinal: int,
        strategy: type[Strategy],
        parameters: BaseModel,
        instruments: frozenset[int] | None = None,
        marked: Marked | None = None,
        roster: Roster | None = None,
    ) -> None:
        self.id = id
        self.ordinal = ordinal
        self.shown = -1
        self.place = 0
        self.sees_fills = strategy.sees_fills
        self.instruments = instruments
        self.marked = marked or Marked()
        self.roster = Roster() if roster is None else roster
        self.takes_arrays = strategy.on_prices is not Strategy.on_prices
        self._strategy = strategy
        self._parameters = parameters
        self._instances: dict[int, Strategy] = {}
        self._targets: dict[int, int] = {}  # ours, whatever a strategy does to its own
        self._busy: dict[int, list[int]] = {}  # second of market time, signals in it
        self._panel: Panel | None = None
        self.said: list[Said] = []

    @property
    def size(self) -> int:
        """How many instruments it has a state for; those in its panel are saved in a small part of the time."""
        alone = len(self._instances)
        return alone + -(-(len(self._targets) - alone) // PACKED)

    def join(self, marked: Marked) -> None:
        """A portfolio. Who sees fills is behind the others, and they cannot know for what it has signalled."""
        self.marked = marked
        if self.sees_fills:
            marked.add(self.instruments or ())
            marked.is_all = marked.is_all or self.instruments is None

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
        return self._edges(tick, _targets(wanted), prices)

    def on_prices(self, sheet: Sheet, tape: Tape) -> Wishes | None:
        """Many prices at once, shown on a tape; what comes of a wish is said by `on_wish`, in the order of ticks.

        None where `on_tick` is to be asked. Errors: whatever the strategy raises; the state is as it was.
        """
        asked = self._strategy(self._parameters)
        panel = self._panel_on(tape, asked)
        if not panel.suits(sheet):
            return None
        panel.bring_in(sheet, self._bring)
        return checked(asked.on_prices(sheet, panel), len(sheet))

    def on_wish(self, tick: Tick, position: int, prices: Known) -> list[Signal]:
        return self._edges(tick, [plain_target(position)], prices)

    def on_fill(self, fill: Fill) -> None:
        self._instance(fill.instrument.id).on_fill(fill)

    def on_gap(self, after: int, first: int) -> None:
        """Ticks after one number and before another are missing: windows start anew, targets are as signals of those
        ticks say.
        """
        for tick, instrument, target in self.said:
            if max(after, self.place) < tick < first:
                self._targets[instrument] = self._instance(instrument).target = target
        if self._panel and self._strategy.on_gap is Strategy.on_gap:
            self._panel.clear()
        else:
            self._leave_panel()
        for instance in self._instances.values():
            instance.on_gap()

    def dump(self) -> dict[str, Any]:
        """State of each instrument by its id (as text: it becomes JSON), that of those in the panel in one: `stated`
        takes it apart.
        """
        states = {str(i): {**instance.dump(), **self._kept(i)} for i, instance in self._instances.items()}
        if self._panel:
            busy = {str(i): of for i, of in self._busy.items() if of != QUIET and i not in self._instances}
            states["panel"] = {**self._panel.pack(), "busy": busy}
        return states

    def targets(self) -> dict[str, Any]:
        """The part of the state that outlives a version, a stop or a fault."""
        return {str(instrument): self._kept(instrument) for instrument in self._targets}

    def _kept(self, instrument: int) -> dict[str, Any]:
        return {"target": self._targets[instrument], "busy": self._busy.get(instrument, QUIET)}

    def load(self, state: dict[str, Any]) -> None:
        for instrument, values in state.items():
            number = int(instrument)
            self._targets[number] = int(values["target"])
            self._busy[number] = values.get("busy", QUIET)
            own = {name: value for name, value in values.items() if name != "busy"}
            self._instance(number).load(own)

    def load_targets(self, state: dict[str, Any]) -> None:
        """Of the state of another version, or from before a pause, only the targets hold."""
        kept = ("target", "busy")
        self.load({i: {name: values[name] for name in kept if name in values} for i, values in state.items()})

    def _instance(self, instrument: int) -> Strategy:
        """Its state asked tick by tick, taken out of the panel where it is in there."""
        if (instance := self._instances.get(instrument)) is None:
            instance = self._instances[instrument] = self._strategy(self._parameters)
            instance.load((self._panel and self._panel.take_out(instrument)) or {})
            instance.target = self._targets.setdefault(instrument, 0)
        return instance

    def _panel_on(self, tape: Tape, asked: Strategy) -> Panel:
        """In a lane of its own, where it may have been tried alone, was another tape."""
        if self._panel is None or self._panel.tape is not tape:
            self._leave_panel()
            self._panel = Panel(_sizes(asked), tape)
        return self._panel

    def _leave_panel(self) -> None:
        for instrument in self._targets:
            self._instance(instrument)

    def _bring(self, instrument: int) -> tuple[dict[str, Window], int]:
        """Windows and target for the panel; no windows where they are empty, as of an instrument that is new."""
        if instrument not in self._targets:
            self._targets[instrument] = 0
            return {}, 0
        instance = self._instance(instrument)
        del self._instances[instrument]
        return _windows(instance), self._targets[instrument]

    def _edges(self, tick: Tick, targets: list[Target], prices: Known) -> list[Signal]:
        signals: list[Signal] = []
        for target in targets:
            change = target.position - self._targets[tick.instrument.id]
            if change:
                self._want(tick, target.position)
                signals.append(self._signal(len(signals), change, target, tick, prices))
        return signals

    def _want(self, tick: Tick, position: int) -> None:
        """Errors: TypeError for a state that cannot be kept: a fault here, in backtest and pipeline alike."""
        instrument = tick.instrument.id
        self._targets[instrument] = position
        self._busy[instrument] = _counted(self._busy.get(instrument, QUIET), tick)
        if instance := self._instances.get(instrument):
            instance.target = position
            instance.dump()
        elif self._panel:
            self._panel.want(instrument, position)

    def _signal(self, n: int, change: int, target: Target, tick: Tick, prices: Known) -> Signal:
        return Signal(
            derived_id(self.id, f"{tick.number}:{n}"),
            self.ordinal,
            tick.number,
            n,  # by name up to here too, CPython would make a dict of so many: a call takes 0.8 µs then, not 0.2
            instrument=tick.instrument,
            side=Side.of(change),
            quantity=abs(change),
            target=target.position,
            terms=target.terms(),
            time=tick.time,
            arrival=tick.arrival,
            price_e4=tick.price_e4,
            previous_e4=prices.previous(tick.instrument.id),
            marks=prices.marks(self.marked.with_own(tick.instrument.id)),
            reason=target.reason,
            confidence=float(target.confidence),
            volume=prices.volume(tick.instrument.id, tick.time),
        )


def _counted(busy: list[int], tick: Tick) -> list[int]:
    """Errors: ValueError when a strategy signals madly; the count is part of the state, so a restart agrees."""
    second = tick.time // SECOND
    count = busy[1] + 1 if busy[0] == second else 1
    if count > MAX_SIGNALS_PER_SECOND:
        raise ValueError(f"more than {MAX_SIGNALS_PER_SECOND} signals within a second of market time")
    return [second, count]


def _sizes(instance: Strategy) -> dict[str, int]:
    """Of its windows. Errors: TypeError for a strategy that has any other state."""
    windows = _windows(instance)
    other = vars(instance).keys() - windows.keys() - {"parameters", "target"}
    if other or any(map(len, windows.values())):
        raise TypeError(f"`on_prices` is only asked where all state is windows, empty at the start: {sorted(other)}")
    return {name: window.size for name, window in windows.items()}


def _windows(instance: Strategy) -> dict[str, Window]:
    return {name: value for name, value in vars(instance).items() if isinstance(value, Window)}


def _targets(wanted: Any) -> list[Target]:
    """What `on_tick` returned, as targets. Errors: ValueError for anything else."""
    several = wanted if isinstance(wanted, list) else [wanted]
    if len(several) > MAX_SIGNALS_PER_TICK:
        raise ValueError(f"{len(several)} targets at one tick; at most {MAX_SIGNALS_PER_TICK}")
    return [t if isinstance(t, Target) else Target(t) for t in several]

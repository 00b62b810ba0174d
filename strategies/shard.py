"""A shard as its worker holds it in memory: lanes of runners, and the controls that are still to come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from alphapanda.identity import correlation_id
from strategies import configuration, models
from strategies.lane import Fault, Lane, explained
from strategies.marked import Marked
from strategies.moved import Moved
from strategies.round import Round
from strategies.runner import Runner, Said
from strategies.sheet import Rosters
from strategies.signal import Signal
from strategies.stated import signalled, stated
from strategies.suspects import Notebook, Suspect, died_twice
from trading.packing import PLAIN

FAR = 2**62


@dataclass(slots=True)
class Shard:
    """`row` fences it by its epoch; `known` are the controls it has learnt of when `counted` in its market had got
    their tick; `marked` are the instruments whose last prices its portfolios' signals carry, `said` is what strategies
    had signalled when it was loaded; `width` the most bytes that a tick of its log had; `published` what others were
    told of its place, `unheard` tick, portfolio and instrument of signals that they were not told of yet, `saved_at`
    when a round of saving began last, `round` what is left of it, `round_seconds` what the last one took; `looked_at`
    when it looked at the log last, `look_seconds` what evaluating took, `arrival` when the first tick there had come;
    it `gives_way` where others wait for its worker.
    """

    row: models.Shard
    is_replay: bool
    main: Lane
    notebook: Notebook
    own: dict[int, Lane] = field(default_factory=dict)
    strategies: dict[int, models.Strategy] = field(default_factory=dict)
    pending: list[models.Control] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    counted: int = 0
    marked: dict[int, Marked] = field(default_factory=dict)
    rosters: Rosters = field(default_factory=dict)
    said: dict[int, list[Said]] = field(default_factory=dict)
    published: int = -1
    width: int = PLAIN.size
    unheard: list[tuple[int, int, int]] = field(default_factory=list)
    saved_at: float = field(default_factory=monotonic)
    round: Round | None = None
    round_seconds: float = 0.0
    looked_at: float = 0.0
    look_seconds: float = 0.0
    arrival: int = 0
    gives_way: bool = False
    faults: list[Fault] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)

    @property
    def lanes(self) -> list[Lane]:
        return [self.main, *self.own.values()]

    @property
    def slowest(self) -> Lane:
        return min(self.lanes, key=lambda lane: lane.place)

    @property
    def seen(self) -> int:
        """The last tick that every strategy has evaluated."""
        return self.slowest.place

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to evaluate, ever: a replay is through."""
        last = self.row.market.last_tick
        return last is not None and self.seen >= last

    @property
    def horizon(self) -> int:
        """The last tick before the next control."""
        return (self.pending[0].from_tick or 0) - 1 if self.pending else FAR

    def runners(self) -> Iterator[tuple[int, Runner]]:
        for lane in self.lanes:
            lane.settle()
            yield from lane.runners.items()

    def begin_round(self) -> None:
        """From now on everything is saved anew, in parts."""
        self.round = Round(self.seen, self.slowest.prices.dump(), deque(strategy for strategy, _ in self.runners()))
        self.saved_at = monotonic()

    def note_saved(self, seconds: float) -> None:
        """How long a part of the round took; after the last one loading starts from where the round began."""
        assert self.round
        self.round.seconds += seconds
        if not self.round.waiting:
            self.row.saved, self.round_seconds, self.round = self.round.seen, self.round.seconds, None

    def learn(self, controls: Iterable[models.Control]) -> None:
        """Takes in controls that have got their tick; those that it knows already change nothing."""
        new = [control for control in controls if control.pk not in self.known]
        self.known |= {control.pk for control in new}
        self.pending = sorted([*self.pending, *new], key=lambda c: (c.from_tick or 0, c.pk))

    def due(self) -> list[models.Control]:
        """The next controls, when every lane stands before them; they are no longer pending."""
        if not self.pending or any(lane.place < self.horizon for lane in self.lanes):
            return []
        tick = self.pending[0].from_tick
        due = [c for c in self.pending if c.from_tick == tick]
        self.pending = self.pending[len(due) :]
        return due

    def apply(self, control: models.Control, state: models.StrategyState | None) -> None:
        """Ends what ran of the strategy and starts what the control says, with its saved state: everything must be.

        A new version is only for what runs: it does not release a strategy that was quarantined before its tick.
        """
        if control.kind == models.Control.Kind.VERSION and control.strategy_id not in dict(self.runners()):
            return
        self.remove(control.strategy_id)
        if not control.runs or control.version is None or control.from_tick is None:
            return
        make = partial(configuration.started, control.strategy, control.version, state, control.from_tick, self.rosters)
        self.mark(control.strategy.portfolio_id, state)
        self.add(control.strategy, control.from_tick, make)

    def mark(self, portfolio: int, state: models.StrategyState | None) -> None:
        """What a strategy has signalled for belongs to the marks of its portfolio's signals."""
        marked = self.marked.setdefault(portfolio, Marked())
        marked.add(signalled(stated(state.state)) if state else ())

    def add(self, strategy: models.Strategy, tick: int, make: Callable[[], Runner]) -> None:
        """Makes a runner and lets it take part; those that see fills get a lane of their own."""
        runner = self._made(strategy.pk, tick, make)
        if runner is None:
            return
        runner.join(self.marked[strategy.portfolio_id])
        runner.said = self.said.get(strategy.pk, [])
        self.strategies[strategy.pk] = strategy
        lane = self.main
        if runner.sees_fills:
            lane = self.own[strategy.pk] = self.lane_from(self.main)
        turns = {**lane.runners, strategy.pk: runner}
        lane.runners = {s: turns[s] for s in sorted(turns, key=self._turn)}

    def _made(self, strategy: int, tick: int, make: Callable[[], Runner]) -> Runner | None:
        """Its `start` is a person's code: noted before it runs, and whatever it raises ends that strategy alone."""
        suspect = next((s for s in self.suspects if s.strategy == strategy and s.tick == tick), None)
        if suspect and suspect.was_alone:
            self.suspects.remove(suspect)
            self.faults.append(Fault(strategy, tick, died_twice(suspect)))
            return None
        self.notebook.note(strategy, tick, is_alone=suspect is not None)
        runner = None
        try:
            runner = make()
        except self.main.interruptions:
            raise  # the note stays: it is a suspect
        except BaseException as error:  # noqa: BLE001
            self.faults.append(Fault(strategy, tick, explained(error)))
        self.notebook.clear()
        return runner

    def lane_from(self, other: Lane) -> Lane:
        """An empty lane at the place of another."""
        return Lane(other.place, other.prices.copy(), note=other.note, interruptions=other.interruptions)

    def take_signals(self) -> list[tuple[models.Strategy, Runner, Signal]]:
        """What the lanes have gathered; the lanes forget it."""
        taken = []
        for lane in self.lanes:
            taken += [(self.strategies[s], runner, signal) for s, runner, signal in lane.signals]
            lane.signals = []
        return taken

    def has_news(self, waits: Callable[[Set[int]], bool], *, moved: bool) -> bool:
        """Whether others are to be told: of signals at once, of what ticks where somebody `waits` for it, and of the
        rest when it moves no more.
        """
        if not moved:
            return self.published < self.seen
        return bool(self.unheard or self.own) or waits(self.main.ticked)

    def take_moved(self) -> Moved:
        """What others were not told of yet, up to where all have seen."""
        seen = self.seen
        told = sorted((one for one in self.unheard if one[0] <= seen), reverse=True)
        self.unheard = [one for one in self.unheard if one[0] > seen]
        heard = {portfolio: tick for tick, portfolio, _ in told}
        signalled = {portfolio: correlation_id(self.row.market_id, tick) for portfolio, tick in heard.items()}
        return Moved(signalled, self._take_ticked(), seen, self.arrival, {instrument for *_, instrument in told})

    def _take_ticked(self) -> set[int]:
        """Instruments that have ticked; told again while a lane is behind the others, for its ticks come later."""
        ticked = set().union(*(lane.ticked for lane in self.lanes))
        for lane in self.lanes:
            lane.ticked = set() if lane.place == self.seen else lane.ticked
        return ticked

    def take_faults(self) -> list[Fault]:
        """Strategies that failed since the last commit."""
        for lane in self.lanes:
            self.faults += lane.faults
            lane.faults = []
        faults, self.faults = self.faults, []
        return faults

    def remove(self, strategy: int) -> None:
        for lane in self.lanes:
            lane.runners.pop(strategy, None)
        self.own.pop(strategy, None)

    def _turn(self, strategy: int) -> tuple[int, int]:
        row = self.strategies[strategy]
        return row.portfolio_id, row.ordinal

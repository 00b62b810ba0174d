"""Rounds: a replay with faults, the ledger held against the undisturbed one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from time import monotonic, sleep

from django.contrib.auth.models import User

from alphapanda.audit import _lines, ledger_hash
from alphapanda.ledger import Key
from alphapanda.replaying import Wish, prepare
from alphapanda.trial import Trial
from portfolio.models import Portfolio
from portfolio.services import shard_of
from strategies.models import Signal
from tests.chaos.fault import KINDS, ended
from tests.chaos.flow import STALL_SECONDS, Flow
from tests.chaos.house import WORKERS, House
from tests.chaos.subject import speed_for
from tests.chaos.waiting import LOOK_SECONDS, DeadlineError, wait_for
from trading.feed.replay import Refusals
from trading.models import Market

MEASURE_SECONDS = 5.0
CALM_SECONDS = 0.5  # and the longest stall: so long the flow must have been normal
MOST_STALL_SECONDS = 6.0
GIVE_UP_SECONDS = 120
DRAIN_SECONDS = 90  # without any movement
ROOM = 2.0
QUIET_SECONDS = 45
LAST_SECONDS = 6  # of a replay, in which no fault is begun


@dataclass
class Struck:
    """One fault and what came of it."""

    kind: str
    recovery: float


@dataclass
class Ledger:
    """What a replay left: the hash, and how many rows with each place."""

    hash: str
    rows: Counter[Key]

    @classmethod
    def of(cls, portfolio: Portfolio) -> Ledger:
        return cls(ledger_hash(portfolio), Counter(key for key, _ in _lines(portfolio)))


@dataclass
class Round:
    number: int
    faults: list[Struck] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    is_equal: bool = True
    pending: list[str] = field(default_factory=list)


@dataclass
class Experiment:
    """A trial for each shard."""

    house: House
    trials: Sequence[Trial]
    seconds: float  # that a replay lasts without faults
    say: Callable[[str], None]
    references: list[Ledger] = field(init=False)

    def drained_again_and_again(self, name: str, every: float) -> Iterator[None]:
        """Replays as fast as they go, without end; yields about every so many seconds."""
        due = 0.0
        for number in count(1):
            for _ in self._draining(self._prepare(f"{name} {number}", 0)):
                if monotonic() > due:
                    due = monotonic() + every
                    yield
                sleep(LOOK_SECONDS)

    def undisturbed(self) -> list[Ledger]:
        """As fast as it goes; what that takes bounds the pace of the others: with room to catch up."""
        portfolios, begun = self._prepare("undisturbed", 0), monotonic()
        self._drain(portfolios)
        self.seconds = max(self.seconds, ROOM * (monotonic() - begun))
        self.references = [Ledger.of(portfolio) for portfolio in portfolios]
        return self.references

    def round(self, planned: list[str], random: Random, rounds: list[Round]) -> None:
        """Takes from `planned` what fits into one replay; what happened is in `rounds` also when it breaks off."""
        number = len(rounds) + 1
        rounds.append(done := Round(number))
        portfolios = self._prepare(f"round {number}", speed_for(self.trials[0], self.seconds))
        flow = Flow(self.house, portfolios)
        self._learn_usual_stall(flow)
        while planned and not self._ends_soon(portfolios):
            self._look_on(flow, random.uniform(0.1, 1.0))
            done.faults.append(self._strike(planned.pop(0), flow, random))
        if not planned:
            Market.objects.filter(pk__in=flow.markets.values()).update(speed=0)
        self._drain(portfolios)
        self._judge(done, portfolios)

    def _prepare(self, name: str, speed: float) -> list[Portfolio]:
        """A replay for each shard, each with a market of its own."""
        wishes = (Wish("demo", name, speed, False) for name in _one_for_each_shard(name))
        return [prepare(trial, wish, Refusals()) for trial, wish in zip(self.trials, wishes, strict=True)]

    def _learn_usual_stall(self, flow: Flow) -> None:
        """How long clocks stand without any fault: a busy machine is slow, not broken."""
        wait_for(lambda: not flow.trouble() and flow.has_begun, GIVE_UP_SECONDS, "the replay begins")
        flow.longest_stall = 0.0
        self._look_on(flow, MEASURE_SECONDS)
        flow.stall = min(max(STALL_SECONDS, 1.5 * flow.longest_stall), MOST_STALL_SECONDS)
        self.say(f"clocks stand at most {flow.longest_stall:.1f} s without faults")

    def _strike(self, kind: str, flow: Flow, random: Random) -> Struck:
        begun, passed, flow.last_trouble = monotonic(), flow.clocks(), ""
        with ended(KINDS[kind].do(self.house, random)) as steps:
            troubled = max((self._look_on(flow, pause) for pause in steps), default=0.0)
        if KINDS[kind].is_outage:
            begun = monotonic()
        if kind == "kill supervisor":
            troubled = self._come_back()
        recovered = self._calm(flow, begun, passed, troubled)
        struck = Struck(kind, recovered - begun)
        self.say(f"  {kind}: {struck.recovery:.1f} s{f' ({flow.last_trouble})' if flow.last_trouble else ''}")
        return struck

    def _come_back(self) -> float:
        """The moment from which on it was ready."""
        wait_for(self.house.is_ready, GIVE_UP_SECONDS, "the house is ready again")
        self.house.use_servers()
        return monotonic()

    def _look_on(self, flow: Flow, seconds: float) -> float:
        """Looks for some seconds; the last moment of trouble, 0 without any."""
        troubled, until = 0.0, monotonic() + seconds
        while (left := until - monotonic()) > LOOK_SECONDS:
            if flow.trouble():
                troubled = monotonic()
            sleep(min(LOOK_SECONDS, max(left, 0)))
        sleep(max(until - monotonic(), 0))
        return troubled

    def _calm(self, flow: Flow, begun: float, passed: dict[int, int], troubled: float = 0.0) -> float:
        """Waits until the flow has been normal for a while; the moment from which on it was."""
        behind, troubled = begun, max(troubled, begun)
        while monotonic() - max(troubled, behind) < flow.stall + CALM_SECONDS and not flow.is_over:
            if flow.trouble():
                troubled = monotonic()
            if not flow.have_passed(passed):
                behind = monotonic()
            if monotonic() - begun > GIVE_UP_SECONDS:
                raise DeadlineError(f"no normal flow after {GIVE_UP_SECONDS} s: {flow.last_trouble or 'clocks stand'}")
            sleep(LOOK_SECONDS)
        return max(troubled, behind)

    def _ends_soon(self, portfolios: list[Portfolio]) -> bool:
        rows = Portfolio.objects.filter(pk__in=[p.pk for p in portfolios]).values_list("clock", "market__last_tick")
        return any(self.seconds * (1 - clock / last) < LAST_SECONDS for clock, last in rows)

    def _drain(self, portfolios: list[Portfolio]) -> None:
        for _ in self._draining(portfolios):
            sleep(LOOK_SECONDS)

    def _draining(self, portfolios: list[Portfolio]) -> Iterator[None]:
        """Looks until it is drained. Errors: DeadlineError saying where nothing moves any more."""
        flow = Flow(self.house, portfolios)
        clocks, moved_at = flow.clocks(), monotonic()
        while not flow.is_over:
            flow.trouble()
            if clocks != flow.clocks():
                clocks, moved_at = flow.clocks(), monotonic()
            if monotonic() - moved_at > DRAIN_SECONDS:
                stand = sorted(clocks.values())
                raise DeadlineError(f"nothing moved for {DRAIN_SECONDS} s, clocks at {stand}: {flow.last_trouble}")
            yield

    def _judge(self, done: Round, portfolios: list[Portfolio]) -> None:
        for portfolio, wanted in zip(portfolios, self.references, strict=True):
            ledger = Ledger.of(portfolio)
            done.lost += (wanted.rows - ledger.rows).total()
            done.doubled += (ledger.rows - wanted.rows).total()
            done.is_equal &= ledger.hash == wanted.hash
        done.pending = list(self._pending(portfolios))
        self.say(
            f"round {done.number}: {len(done.faults)} faults, lost {done.lost}, doubled {done.doubled}, "
            f"hash {'equal' if done.is_equal else 'DIFFERENT'}{', '.join(['', *done.pending])}"
        )

    def _pending(self, portfolios: list[Portfolio]) -> Iterator[str]:
        undecided = Signal.objects.filter(portfolio__in=portfolios, is_decided=False).count()
        if undecided:
            yield f"{undecided} undecided signals"
        house, one_each = self.house, dict.fromkeys(WORKERS, 1)
        looks = {"queues": house.queued, "stopped": house.stopped}
        for name, look in looks.items():
            try:
                wait_for(lambda look=look: not look(), QUIET_SECONDS, name)
            except DeadlineError:
                yield f"{name}: {look()}"
        try:
            wait_for(lambda: house.workers_alive() == one_each, QUIET_SECONDS, "one process for each worker")
        except DeadlineError:
            yield f"workers: {house.workers_alive()}"


def _one_for_each_shard(name: str) -> list[str]:
    user = User.objects.get(username="demo")
    names: dict[int, str] = {}
    for n in count():
        names.setdefault(shard_of(user, f"{name} {n}"), f"{name} {n}")
        if len(names) == 2:
            return list(names.values())
    raise AssertionError

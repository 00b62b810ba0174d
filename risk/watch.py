"""The look after each tick: what exit rules make of a portfolio. Backtest and pipeline share it.

A watch is asked about every tick of an instrument that is held or has orders working, after their matching. It
says whose positions are to be left as signals with source = rule, and keeps what it must remember as JSON values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from alphapanda.identity import derived_id
from risk.exits import Breach, ExitRules, Exits, Scope, at_least
from risk.halt import Halt, HaltState
from risk.memory import Entry, Memory
from risk.standing import Held
from risk.stretch import Stretches
from strategies.signal import Signal, Source
from trading.book import Book
from trading.instrument import from_e4
from trading.order import OrderType, Side, Terms
from trading.session import SECOND, india_day, india_time
from trading.tick import Tick
from trading.ticks import Ticks

FIRST_N = 1_000  # a strategy's own signals of a tick are numbered far below
RETRY = 10 * SECOND  # of market time, after which an exit that was denied or cancelled is tried again


@dataclass(frozen=True, slots=True)
class Flattening:
    """Somebody's word that what is held in a scope is to be left, from a tick on."""

    scope: Scope
    reason: str
    from_tick: int


@dataclass(slots=True)
class Watch:
    """`ids` are those of the strategies' versions by ordinal; `halted` is the rule about the whole portfolio that was
    broken, until a person lifts it, and `broken_at` the tick of it when that was lately.
    """

    book: Book
    exits: Exits
    ids: Mapping[int, UUID]
    memory: Memory
    halted: tuple[Breach, HaltState] | None = None
    broken_at: Tick | None = None
    flattening: list[Flattening] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    _rules: dict[tuple[int | None, str | None], ExitRules] = field(default_factory=dict)
    _broken: set[int] = field(default_factory=set)  # strategies with a rule about the whole of one that strikes
    _stretches: Stretches = field(init=False)

    def __post_init__(self) -> None:
        self._stretches = Stretches(self.book, self._rules_of)

    def look(self, tick: Tick) -> Iterator[Signal]:
        """Signals to be decided one by one, before those of the strategies at this tick."""
        self._stretches.looked_at.add(tick.instrument.id)
        self._judge_strategies(self.memory.note(self.book, tick))
        if tick.number < self.memory.from_tick:
            return
        self._judge_portfolio(tick)
        wanted = [(held, breach) for held in self._suspects(tick) if (breach := self._reason(held, tick))]
        for n, (held, breach) in enumerate(wanted, start=FIRST_N):
            if self._may_try(held, tick):
                self.memory.tried[held] = tick.time
                self.book.cancel(held[0], tick.number, held[1])
                self.signals.append(self._signal(n, held, breach, tick))
                yield self.signals[-1]

    def skip(self, ticks: Ticks, begin: int, end: int) -> int:
        """From a place on, the first tick that may fill an order or at which a rule may strike, or the end: what lies
        before it is taken in at once.
        """
        if self.is_leaving or self._broken or not self.memory.has_looked:
            return begin
        return self._stretches.skip(self.memory, ticks, begin, end)

    def _rules_of(self, strategy: int | None, instrument: int | None) -> ExitRules:
        return self._of(strategy, None if instrument is None else self.book.instruments[instrument].symbol)

    @property
    def is_leaving(self) -> bool:
        """Whether somebody's word or a broken rule of the portfolio wants all to be left."""
        return bool(self.halted or self.flattening)

    def go_on(self) -> None:
        """With the next transaction of the same book, where nothing has been filled yet."""
        self.book.peak_equity = max(self.book.peak_equity, self.memory.peak)
        self.memory.go_on()

    def take(self) -> list[Signal]:
        """What was said since the last time, in order."""
        taken, self.signals = self.signals, []
        return taken

    def halts(self, signal: Signal) -> list[Halt]:
        """What stands against a strategy's own signal: a broken rule of the portfolio, or that its day is over."""
        if signal.source is Source.RULE:
            return []
        found = [Halt(str(self.halted[0]), self.halted[1])] if self.halted else []
        over = _over(self._of(signal.strategy, signal.instrument.symbol), signal.time)
        return [*found, *(Halt(str(breach), HaltState.REDUCING, signal.strategy) for breach in over)]

    def _suspects(self, tick: Tick) -> list[Held]:
        """Positions of which a rule may want something at a tick, in order: seldom others than those of its instrument,
        while a portfolio may hold thousands.
        """
        held = self.book.positions
        if self.is_leaving:
            some = list(held)
        else:
            some = [
                (strategy, tick.instrument.id) for strategy in self.memory.standing.owners.get(tick.instrument.id, ())
            ]
            if self._broken:
                some += [one for one in held if one[0] in self._broken and one[1] != tick.instrument.id]
        return sorted(one for one in some if held[one].quantity)

    def _judge_strategies(self, moved: Collection[int]) -> None:
        for strategy in moved:
            if next(self._of_strategy(strategy), None):
                self._broken.add(strategy)
            else:
                self._broken.discard(strategy)

    def _judge_portfolio(self, tick: Tick) -> None:
        """Once broken it stays so: orders are cancelled here, positions left from here on."""
        if self.halted:
            return
        rules, memory = self._of(), self.memory
        loss, fall = memory.day_start - memory.equity, memory.peak - memory.equity
        broken = [
            *at_least("daily_loss", rules.max_daily_loss, loss),
            *at_least("drawdown", rules.max_drawdown, fall, memory.peak),
        ]
        for breach in broken[:1]:
            self.halted, self.broken_at = (breach, self.exits.breach_state), tick
            self.book.cancel(None, tick.number)
            memory.tried.clear()

    def _reason(self, held: Held, tick: Tick) -> Breach | None:
        """Why a position is to be left, if it is; what its own price says, only its own ticks say."""
        if held[1] not in self.memory.marks:
            return None
        if self.halted:
            return self.halted[0]
        found = [*self._on_word(held[0], tick)]
        if held[0] in self._broken:
            found += self._of_strategy(held[0])
        if held[1] == tick.instrument.id:
            found += self._of_position(held, tick)
        return found[0] if found else None

    def _on_word(self, strategy: int, tick: Tick) -> Iterator[Breach]:
        for one in self.flattening:
            if tick.number >= one.from_tick and one.scope.strategy in (None, strategy):
                yield Breach("flatten", "flat", one.reason)

    def _of_strategy(self, strategy: int) -> Iterator[Breach]:
        rules, gained = self._of(strategy), self.memory.gained(strategy)
        yield from at_least("strategy_stop_loss", rules.strategy_stop_loss, -gained)
        yield from at_least("strategy_target", rules.strategy_target, gained)
        fallen = self.memory.best_gain[strategy] - gained
        yield from at_least("strategy_trailing_stop", rules.strategy_trailing_stop, fallen)

    def _of_position(self, held: Held, tick: Tick) -> Iterator[Breach]:
        rules = self._of(held[0], tick.instrument.symbol)
        position, entry = self.book.positions[held], self.memory.entries[held]
        gained, cost = position.unrealised(tick.price), abs(position.cost)
        yield from at_least("stop_loss", rules.stop_loss, -gained, cost)
        yield from at_least("target", rules.target, gained, cost)
        best = from_e4(entry.best_e4)
        yield from at_least("trailing_stop", rules.trailing_stop, (best - tick.price) * entry.sign, best)
        yield from _over(rules, tick.time, entry)

    def _of(self, strategy: int | None = None, symbol: str | None = None) -> ExitRules:
        if (strategy, symbol) not in self._rules:
            self._rules[strategy, symbol] = self.exits.of(strategy, symbol)
        return self._rules[strategy, symbol]

    def _may_try(self, held: Held, tick: Tick) -> bool:
        """Not while orders that take it to flat are on their way, nor right after a try that came to nothing."""
        strategy, instrument = held
        own = [order for order in self.book.working.of.get(instrument, ()) if order.strategy == strategy]
        is_leaving = all(order.terms.order_type is OrderType.MARKET for order in own)
        if own and is_leaving and not self.book.committed(instrument, strategy):
            return False
        return tick.time - self.memory.tried.get(held, tick.time - RETRY) >= RETRY

    def _signal(self, n: int, held: Held, breach: Breach, tick: Tick) -> Signal:
        strategy, instrument = held
        quantity = self.book.positions[held].quantity
        return Signal(
            id=derived_id(self.ids[strategy], f"{tick.number}:{breach.rule}:{instrument}"),
            strategy=strategy,
            tick=tick.number,
            n=n,
            instrument=self.book.instruments[instrument],
            side=Side.of(-quantity),
            quantity=abs(quantity),
            target=0,
            terms=Terms(),
            time=tick.time,
            arrival=tick.arrival,
            price_e4=self.memory.marks[instrument],
            previous_e4=None,
            marks=dict(self.memory.marks),
            reason=str(breach),
            source=Source.RULE,
        )


def _over(rules: ExitRules, time: int, entry: Entry | None = None) -> Iterator[Breach]:
    """The time to square off has come, or was missed on the day of the entry."""
    if rules.square_off is None:
        return
    now = india_time(time)
    if now >= rules.square_off or (entry and india_day(time) > entry.day):
        yield Breach("square_off", f"{rules.square_off:%H:%M:%S}", f"{now:%H:%M:%S}")

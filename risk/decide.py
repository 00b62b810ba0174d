"""Signal → decision → order, against a book: what backtest and pipeline share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from alphapanda.identity import derived_id
from risk.decision import Decision, Verdict
from risk.halt import Halt, strictest
from risk.rules import judge
from risk.scopes import Limited
from risk.situation import Placed, Situation
from risk.watch import Watch
from strategies.signal import Signal
from trading.advance import Stop
from trading.book import Book
from trading.facts import EXCHANGE, NO_FACTS, Exchange, sliced
from trading.order import Order, Side
from trading.session import india_date

Trades = dict[tuple[int, date], int]  # (ordinal of the strategy, day in India) → approved decisions

DECISION = "decision"


def decision_id(signal: Signal) -> UUID:
    return derived_id(signal.id, DECISION)


@dataclass(slots=True)
class Decider:
    """Decides the signals of one portfolio in order and places what is approved in its book.

    `more_orders` are those of sliced decisions beyond their first, by day in India.
    """

    book: Book
    limits: Limited
    trades: Trades = field(default_factory=dict)
    halts: Sequence[Halt] = ()
    latest: list[Placed] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    watch: Watch | None = None
    exchange: Exchange = EXCHANGE
    more_orders: dict[date, int] = field(default_factory=dict)

    def act(self, event: Signal | Stop) -> None:
        if isinstance(event, Stop):
            self.book.cancel(event.strategy, event.tick)
        else:
            self.decisions.append(self.decide(event))

    def decide(self, signal: Signal) -> Decision:
        """Order quantity = target − (the strategy's filled + working)."""
        self.book.note_peak(signal.marks)
        ordered = signal.target - self.book.committed(signal.instrument.id, signal.strategy)
        if not ordered:
            return _refused(signal, Verdict("nothing_to_do", False, None, str(signal.target)))
        day = india_date(signal.time)
        verdicts = judge(self._situation(signal, ordered, day))
        if [verdict for verdict in verdicts if not verdict.passed and verdict.denies]:  # most need not be asked
            return Decision(signal, False, 0, verdicts)
        orders = tuple(self._orders(signal, ordered))
        for order in orders:
            self.book.place(order)
        self._count(signal, ordered, len(orders), day)
        return Decision(signal, True, abs(ordered), verdicts, orders)

    def _situation(self, signal: Signal, ordered: int, day: date) -> Situation:
        limits = self.limits.of(signal)
        return Situation(
            signal=signal,
            held=self.book.committed(signal.instrument.id),
            ordered=ordered,
            trades_today=self.trades.get((signal.strategy, day), 0),
            limits=limits.limits,
            halt=self._halt(signal),
            book=self.book,
            orders_today=self._orders_on(day) if limits.limits.max_orders_per_day is not None else 0,
            latest=tuple(self.latest),
            own=signal.target - ordered,
            origins=limits.origins,
            exchange=self.exchange,
        )

    def _halt(self, signal: Signal) -> Halt | None:
        watched = self.watch.halts(signal) if self.watch else ()
        return strictest([*self.halts, *watched], signal.strategy) if self.halts or watched else None

    def _orders_on(self, day: date) -> int:
        """Of the portfolio: the longer it trades, the more there is to add up."""
        trades = sum(count for (_, held), count in self.trades.items() if held == day)
        return trades + self.more_orders.get(day, 0)

    def _orders(self, signal: Signal, ordered: int) -> Iterator[Order]:
        """More than one where the exchange freezes what is larger."""
        facts = self.exchange.facts.get(signal.instrument.id, NO_FACTS)
        for n, quantity in enumerate(sliced(abs(ordered), facts, signal.instrument.lot_size)):
            yield Order(
                id=derived_id(signal.id, DECISION, f"order {n}" if n else "order"),
                strategy=signal.strategy,
                instrument=signal.instrument,
                side=Side.of(ordered),
                quantity=quantity,
                terms=signal.terms,
                placed_tick=signal.tick,
                placed_time=signal.time,
            )

    def _count(self, signal: Signal, ordered: int, orders: int, day: date) -> None:
        key = signal.strategy, day
        self.trades[key] = self.trades.get(key, 0) + 1
        if orders > 1:
            self.more_orders[day] = self.more_orders.get(day, 0) + orders - 1
        if kept := self.limits.memory:
            begin = signal.time - kept
            self.latest = [placed for placed in self.latest if placed.time > begin]
            self.latest.append(Placed(signal.time, signal.strategy, signal.instrument.id, ordered, orders))


def behind_clock(signal: Signal, clock: int) -> Decision:
    """A signal that came too late to be decided in order is kept, denied and shown."""
    return _refused(signal, Verdict("behind_clock", False, str(clock), str(signal.tick)))


def _refused(signal: Signal, verdict: Verdict) -> Decision:
    return Decision(signal, False, 0, (verdict,))

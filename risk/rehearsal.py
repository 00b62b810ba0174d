"""A past day decided again under other limits, on a book of its own.

Orders that are decided as they were keep the fills that they had. An order that was never sent meets the prices
stored with later signals, by the paper exchange: a MARKET order fills at the instrument's price at the next signal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from risk.decide import Decider
from risk.decision import Decision
from risk.halt import Halt, HaltState
from strategies.signal import Signal
from trading.fill import Fill
from trading.order import Order, OrderStatus
from trading.tick import Tick
from trading.working import Working

ASSUMPTIONS = (
    "an order that is decided as it was keeps its real fills and its real end",
    "an order that was never sent is filled by the paper exchange at the prices stored with later signals: a MARKET "
    "order at its instrument's price at the next signal, with slippage; without a later signal it stays open",
    "strategies say what they said: their signals are those of the day, whatever would have been filled",
    "halts are those that stood against each signal then",
)


@dataclass(frozen=True, slots=True)
class Was:
    """What was decided; `halt` stood against it."""

    approved: bool
    quantity: int
    denied_by: tuple[str, ...]
    halt: Halt | None = None


@dataclass(frozen=True, slots=True)
class RealEnd:
    """What became of an order: the fills still to come, and when it was closed, if it was."""

    quantity: int
    fills: Sequence[Fill]
    status: OrderStatus
    closed_tick: int | None


@dataclass(frozen=True, slots=True)
class Compared:
    signal: Signal
    then: Was
    now: Was

    @property
    def differs(self) -> bool:
        return (self.then.approved, self.then.quantity) != (self.now.approved, self.now.quantity)

    @property
    def rules(self) -> list[str]:
        """Rules that stood against it only then or only now."""
        return sorted({*self.then.denied_by} ^ {*self.now.denied_by})


@dataclass(slots=True)
class Rehearsal:
    """`ends` by id of the order, those that were working before the day included."""

    decider: Decider
    then: Mapping[UUID, Was]
    ends: Mapping[UUID, RealEnd]
    real: dict[UUID, list[Fill]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._keep(self.decider.book.working)

    def run(self, signals: Iterable[Signal]) -> Iterator[Compared]:
        """`signals` in the order of deciding."""
        for signal in signals:
            was = self.then[signal.id]
            if "behind_clock" in was.denied_by:
                yield Compared(signal, was, was)
                continue
            self._follow(signal.tick)
            self._suppose(signal)
            self.decider.halts = [was.halt] if was.halt else []
            decision = self.decider.decide(signal)
            self._keep(decision.orders)
            yield Compared(signal, was, _now(decision))

    def _keep(self, orders: Iterable[Order]) -> None:
        """Those that were really sent, with this quantity."""
        for order in orders:
            end = self.ends.get(order.id)
            if end and end.quantity == order.quantity:
                self.real[order.id] = list(end.fills)

    def _follow(self, tick: int) -> None:
        """Real orders come to where they were before the signals of a tick."""
        book = self.decider.book
        for order in [order for order in book.working if order.id in self.real]:
            fills = self.real[order.id]
            while fills and fills[0].tick <= tick:
                _move(order, fills[0])
                book.take(fills.pop(0))
            end = self.ends[order.id]
            if order.is_working and end.closed_tick is not None and end.closed_tick <= tick and not fills:
                order.close(end.status, end.closed_tick)
        book.working = Working(order for order in book.working if order.is_working)

    def _suppose(self, signal: Signal) -> None:
        """Orders that were never sent meet the prices that a later signal knows."""
        book = self.decider.book
        real = [order for order in book.working if order.id in self.real]
        book.working = Working(order for order in book.working if order.id not in self.real)
        instruments = {o.instrument.id: o.instrument for o in book.working if o.placed_tick < signal.tick}
        for number, instrument in instruments.items():
            if number in signal.marks:
                book.meet(Tick(signal.tick, instrument, signal.marks[number], signal.time))
        book.working = Working(sorted([*real, *book.working], key=lambda order: order.placed_tick))


def was(approved: bool, quantity: int, verdicts: Iterable[Mapping[str, object]]) -> Was:
    """From a stored decision."""
    against = [v for v in verdicts if not (v.get("passed", True) or v.get("is_exempt"))]
    halts = [v for v in verdicts if v["rule"] == "halt" and not v.get("passed", True)]
    stood = [Halt(str(v["observed"]), HaltState(str(v["limit"]))) for v in halts]
    return Was(approved, quantity, tuple(str(v["rule"]) for v in against), stood[0] if stood else None)


def _now(decision: Decision) -> Was:
    return Was(decision.approved, decision.quantity, tuple(decision.denied_by))


def _move(order: Order, fill: Fill) -> None:
    order.filled += fill.quantity
    order.fill_count += 1
    order.value += fill.value
    order.brokerage += fill.charges.brokerage
    if not order.remaining:
        order.close(OrderStatus.COMPLETE, fill.tick)

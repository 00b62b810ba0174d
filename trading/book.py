"""The book of one portfolio: cash, positions and working orders, as matching and risk see them."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from operator import mul

from portfolio.position import Position, apply
from portfolio.valuation import Holding, Valuation, value
from trading.charges import Product, Rates, brokerage_of, charge
from trading.fill import Fill
from trading.instrument import Instrument, from_e4
from trading.marks import Marks, Units
from trading.order import COMPLETE, Order, OrderStatus
from trading.paper import Liquidity, PaperTerms, Trade, match
from trading.session import india_date
from trading.tick import Tick
from trading.working import Working

ZERO = Decimal(0)
RatesOn = Callable[[date, Product, str], Rates]


@dataclass(slots=True)
class Book:
    """Positions are kept by (ordinal of the strategy, instrument id); `clock` is the last finished tick."""

    starting_cash: Decimal
    rates_on: RatesOn
    product: Product = Product.MIS
    terms: PaperTerms = field(default_factory=PaperTerms)
    cash: Decimal = ZERO
    clock: int = 0
    peak_equity: Decimal = ZERO
    positions: dict[tuple[int, int], Position] = field(default_factory=dict)
    instruments: dict[int, Instrument] = field(default_factory=dict)
    working: Working = field(default_factory=Working)
    closed: list[Order] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    is_watched: bool = False  # exit rules look at the ticks of what is held
    _shares: dict[int, int] = field(default_factory=dict, init=False)  # of all strategies, by instrument
    _units: dict[int, int] = field(default_factory=dict, init=False)  # the same times the multiplier
    _columns: Units | None = field(default=None, init=False)  # these as columns, while they stay as they are
    _held: Set[int] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        for (_, instrument), position in self.positions.items():
            self._note(instrument, position.quantity, position.multiplier)

    @property
    def watched(self) -> Set[int]:
        """Ids of the instruments whose ticks can move the book, now; an advance passes over all others."""
        working, held = self.working.of.keys(), self.held if self.is_watched else ()
        return working | held if working and held else held or working

    @property
    def held(self) -> Set[int]:
        """Ids of the instruments of which a strategy holds something."""
        if self._held is None:
            self._held = {instrument for (_, instrument), held in self.positions.items() if held.quantity}
        return self._held

    def watches(self, instrument: int) -> bool:
        return instrument in self.working.of or (self.is_watched and instrument in self.held)

    @property
    def is_waiting(self) -> bool:
        """Whether any tick can move the book."""
        return bool(self.working.of or (self.is_watched and self.held))

    def place(self, order: Order) -> None:
        self.instruments[order.instrument.id] = order.instrument
        self.working.add(order)

    def meet(self, tick: Tick) -> None:
        """Matches the working orders of the tick's instrument, in order of their place, and books the fills."""
        if not (orders := self.working.of.get(tick.instrument.id)):
            return
        liquidity = Liquidity(tick.depth) if tick.depth else None
        for order in orders:
            for trade in match(order, tick, liquidity, self.terms):
                self.take(self._fill(order, trade, tick))
        self.closed += self.working.retire(tick.instrument.id)

    def cancel(self, strategy: int | None, tick: int, instrument: int | None = None) -> None:
        """Cancels what a strategy (or anyone) has resting, in one instrument or in all."""
        for order in self.working:
            if strategy in (None, order.strategy) and instrument in (None, order.instrument.id):
                order.close(OrderStatus.CANCELLED, tick)
        self.closed += self.working.retire()

    def committed(self, instrument: int, strategy: int | None = None) -> int:
        """Signed shares filled plus working in an instrument, of one strategy or of all."""
        shares = self._filled(instrument, strategy)
        for order in self.working.of.get(instrument, ()):
            if strategy in (None, order.strategy):
                shares += order.signed_remaining
        return shares

    def _filled(self, instrument: int, strategy: int | None) -> int:
        if strategy is None:
            return self._shares.get(instrument, 0)
        position = self.positions.get((strategy, instrument))
        return position.quantity if position else 0

    @property
    def units(self) -> Mapping[int, int]:
        """Signed shares filled times their multiplier, by instrument."""
        return self._units

    def valued(self, marks_e4: Mapping[int, int]) -> Valuation:
        """At the given last prices; an instrument without one counts at its cost."""
        holdings = [Holding(p, _mark(p, marks_e4.get(held))) for (_, held), p in self.positions.items()]
        return value(self.starting_cash, self.cash, holdings)

    def note_peak(self, marks_e4: Mapping[int, int]) -> None:
        self.peak_equity = max(self.peak_equity, self.starting_cash, self.equity(marks_e4))

    def equity(self, marks_e4: Mapping[int, int]) -> Decimal:
        """That of `valued`: every signal asks for it, so in whole numbers, and however many strategies hold it."""
        try:
            return self.cash + from_e4(self._worth_e4(marks_e4))
        except KeyError:
            return self.valued(marks_e4).equity

    def _worth_e4(self, marks_e4: Mapping[int, int]) -> int:
        """Errors: KeyError for an instrument without a price."""
        if type(marks_e4) is not Marks:
            return sum(map(mul, self._units.values(), map(marks_e4.__getitem__, self._units)))
        self._columns = self._columns or Units(self._units)
        return marks_e4.worth(self._columns)

    def hold(self, strategy: int, instrument: int, position: Position) -> None:
        """Puts a position in the place of the one before; only so the sums over all strategies stay right."""
        before = self.positions.get((strategy, instrument))
        self.positions[strategy, instrument] = position
        self._note(instrument, position.quantity - (before.quantity if before else 0), position.multiplier)

    def hold_nothing(self) -> None:
        for held in (self.positions, self._shares, self._units):
            held.clear()
        self._columns = self._held = None

    def take(self, fill: Fill) -> None:
        """Moves position and cash by a fill."""
        key, shares, charges = (fill.strategy, fill.instrument.id), fill.signed_quantity, fill.charges.total
        held = self.positions.get(key) or Position(multiplier=fill.instrument.multiplier)
        self.positions[key] = apply(held, shares, fill.price, charges)
        self._note(fill.instrument.id, shares, held.multiplier)
        self.cash -= fill.side.sign * fill.value + charges
        self.fills.append(fill)

    def _note(self, instrument: int, shares: int, multiplier: int) -> None:
        self._shares[instrument] = self._shares.get(instrument, 0) + shares
        self._units[instrument] = self._units.get(instrument, 0) + shares * multiplier
        self._columns = self._held = None

    def _fill(self, order: Order, trade: Trade, tick: Tick) -> Fill:
        """Moves the order on by one trade; brokerage is the order's so far less what was charged already."""
        price, instrument = from_e4(trade.price_e4), order.instrument
        rates = self.rates_on(india_date(tick.time), self.product, instrument.exchange)
        traded = price * trade.quantity * instrument.multiplier
        order.value += traded
        brokerage = brokerage_of(order.value, rates) - order.brokerage
        order.brokerage += brokerage
        order.filled += trade.quantity
        order.fill_count += 1
        if not order.remaining and order.is_working:
            order.close(COMPLETE, tick.number)
        charges = charge(order.side, traded, brokerage, rates)
        return Fill(
            order=order.id,
            n=order.fill_count,
            strategy=order.strategy,
            instrument=instrument,
            side=order.side,
            quantity=trade.quantity,
            price=price,
            tick=tick.number,
            time=tick.time,
            charges=charges,
        )


def _mark(position: Position, mark_e4: int | None) -> Decimal:
    return from_e4(mark_e4) if mark_e4 is not None else position.average_price or ZERO

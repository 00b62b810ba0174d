"""What the rules may know of a signal and the portfolio it would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import msgspec

from risk.decision import Verdict
from risk.halt import Halt
from risk.limits import Limits
from risk.scopes import NOWHERE, Scope
from strategies.signal import Signal, Source
from trading.book import Book
from trading.charges import brokerage_of, charge
from trading.facts import EXCHANGE, NO_FACTS, Exchange, Facts, sliced
from trading.instrument import E4, PRICE_SCALE, Instrument, from_e4
from trading.marks import plain
from trading.order import Order, Side
from trading.session import india_date

ZERO = Decimal(0)
BPS = 10_000


class Placed(msgspec.Struct, frozen=True, gc=False):
    """What was ordered lately by one decision, in how many orders."""

    time: int
    strategy: int
    instrument: int
    signed_quantity: int
    orders: int = 1


class Situation(msgspec.Struct, frozen=True, gc=False):
    """Signed shares held and working, the signed order, the strategy's trades that day, and for rules about the
    whole account its book, its orders that day and its latest orders; `own` are the strategy's of the shares.
    `origins` says whose each limit is, `exchange` what the exchange takes.
    """

    signal: Signal
    held: int
    ordered: int
    trades_today: int
    limits: Limits
    halt: Halt | None = None
    book: Book | None = None
    orders_today: int = 0
    latest: tuple[Placed, ...] = ()
    own: int | None = None
    origins: Mapping[str, Scope] = NOWHERE
    exchange: Exchange = EXCHANGE

    def verdict(
        self, rule: str, name: str, limit: object, observed: object, passed: bool, is_exempt: bool = False
    ) -> Verdict:
        """`name` is the limit's: so it is known whose it was, and in which version."""
        scope, is_exempt = self.origins.get(name), is_exempt and not passed
        said, seen = None if limit is None else str(limit), None if observed is None else str(observed)
        if scope is None:
            return Verdict(rule, passed, said, seen, is_exempt)
        return Verdict(rule, passed, said, seen, is_exempt, scope.kind, scope.version)

    @property
    def is_exit(self) -> bool:
        """What an exit rule wants is one, whatever other strategies hold."""
        return self.signal.source is Source.RULE or abs(self.held + self.ordered) < abs(self.held)

    @property
    def only_reduces(self) -> bool:
        """The strategy's own position shrinks, and not through flat to the other side."""
        own = self.held if self.own is None else self.own
        return abs(own + self.ordered) < abs(own) and own * (own + self.ordered) >= 0

    @property
    def facts(self) -> Facts:
        return self.exchange.facts.get(self.signal.instrument.id, NO_FACTS)

    @property
    def slices(self) -> int:
        """Orders that it takes."""
        return len(sliced(abs(self.ordered), self.facts, self.signal.instrument.lot_size))

    @property
    def account(self) -> Book:
        assert self.book is not None, "a rule about the account needs its book"
        return self.book

    @property
    def price(self) -> Decimal:
        """What the order is valued at: its limit, else its trigger, else the last price."""
        terms = self.signal.terms
        return from_e4(terms.limit_e4 or terms.trigger_e4 or self.signal.price_e4)

    @property
    def order_value(self) -> Decimal:
        return abs(self.ordered) * self.price * self.signal.instrument.multiplier

    @property
    def equity(self) -> Decimal:
        return self.account.equity(self.signal.marks)

    @property
    def exposure(self) -> Decimal:
        """Signed value of what is filled, working and ordered of the instrument, at its last price."""
        own = self.signal.instrument
        return (self.held + self.ordered) * own.multiplier * self._last(own.id)

    @property
    def gross(self) -> Decimal:
        """Of all instruments."""
        return sum(value if value > 0 else -value for value in self._exposures_e4()) * E4

    @property
    def net(self) -> Decimal:
        return sum(self._exposures_e4()) * E4

    def _exposures_e4(self) -> list[int | Decimal]:
        """Of each instrument, in 1/10,000 rupee: whole numbers, for there may be thousands."""
        own, marks = self.signal.instrument, plain(self.signal.marks)
        units = Counter(self.account.units)
        units[own.id] += self.ordered * own.multiplier
        for order in self.account.working:
            units[order.instrument.id] += order.signed_remaining * order.instrument.multiplier
        return [count * (marks.get(held) or self._last(held) * PRICE_SCALE) for held, count in units.items() if count]

    def cash_after(self) -> Decimal:
        """Cash when every working buy and this order fill at their worst, charges included."""
        book = self.account
        buys = [(o.instrument, o.remaining, self._worst(o)) for o in book.working if o.side is Side.BUY]
        if self.ordered > 0:
            terms = self.signal.terms
            worst = from_e4(terms.limit_e4) if terms.limit_e4 else self._slipped(self.price)
            buys.append((self.signal.instrument, self.ordered, worst))
        return book.cash - sum((self._cost(*buy) for buy in buys), ZERO)

    def _last(self, instrument: int) -> Decimal:
        """Nothing counts as worth nothing: what has no last price is worth what was paid for it."""
        mark = self.signal.marks.get(instrument)
        if mark is not None:
            return from_e4(mark)
        positions = self.account.positions.items()
        paid = [p.average_price for (_, held), p in positions if held == instrument and p.average_price]
        return max(paid, default=self.price)

    def _worst(self, order: Order) -> Decimal:
        terms = order.terms
        if terms.limit_e4:
            return from_e4(terms.limit_e4)
        return self._slipped(max(self._last(order.instrument.id), from_e4(terms.trigger_e4 or 0)))

    def _slipped(self, price: Decimal) -> Decimal:
        return price * (1 + self.account.terms.slippage_bps / BPS)

    def _cost(self, instrument: Instrument, quantity: int, price: Decimal) -> Decimal:
        book, value = self.account, quantity * price * instrument.multiplier
        rates = book.rates_on(self.day, book.product, instrument.exchange)
        return value + charge(Side.BUY, value, brokerage_of(value, rates), rates).total

    @property
    def day(self) -> date:
        return india_date(self.signal.time)

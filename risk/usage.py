"""How near limits are: what of each is used already, before another order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from risk.account_rules import concentration, leverage, net_exposure, position_value
from risk.scopes import Scope, is_set
from risk.situation import Situation
from strategies.signal import Signal
from trading.book import Book
from trading.instrument import Instrument
from trading.order import Side, Terms

NOBODY = UUID(int=0)
Observe = Callable[[Situation], int | Decimal]
OF_INSTRUMENT: dict[str, Observe] = {
    "max_position": lambda s: abs(s.held),
    "max_position_value": position_value,
    "max_concentration": concentration,
}
OF_PORTFOLIO: dict[str, Observe] = {
    "max_gross_exposure": lambda s: s.gross,
    "max_net_exposure": net_exposure,
    "max_leverage": leverage,
    "max_open_orders": lambda s: len(s.account.working),
    "max_orders_per_day": lambda s: s.orders_today,
}


@dataclass(frozen=True, slots=True)
class Usage:
    """What of a limit of a scope is used, in a strategy (ordinal) or an instrument (symbol) where that matters."""

    limit: str
    used: Decimal
    bound: Decimal
    scope: str
    version: int
    strategy: int | None = None
    symbol: str | None = None

    @property
    def fraction(self) -> Decimal | None:
        """None when nothing is allowed at all."""
        return round(self.used / self.bound, 6) if self.bound > 0 else None


@dataclass(frozen=True, slots=True)
class Account:
    """A portfolio now: its book, last prices (1/10,000 rupee), market time (microseconds), and by ordinal of the
    strategy the trades of that day.
    """

    book: Book
    instruments: Mapping[int, Instrument]
    marks: dict[int, int]
    time: int
    trades: Mapping[int, int]
    orders_today: int

    def usages(self, scope: Scope) -> Iterator[Usage]:
        """Of the limits that a scope sets and that are used up by what is there."""
        for limit, observe in OF_INSTRUMENT.items():
            for instrument in self._of(scope) if is_set(scope.limits, limit) else ():
                yield _usage(scope, limit, observe(self._at_rest(instrument, scope)), symbol=instrument.symbol)
        for limit, observe in OF_PORTFOLIO.items():
            some = next(iter(self.instruments.values()), None)
            if is_set(scope.limits, limit):
                yield _usage(scope, limit, observe(self._at_rest(some, scope)) if some else 0, scope.strategy)
        if is_set(scope.limits, "max_trades_per_day"):
            for strategy, count in self.trades.items():
                if scope.strategy in (None, strategy):
                    yield _usage(scope, "max_trades_per_day", count, strategy)

    def _of(self, scope: Scope) -> list[Instrument]:
        return [i for i in self.instruments.values() if scope.symbol in (None, i.symbol)]

    def _at_rest(self, instrument: Instrument, scope: Scope) -> Situation:
        """A situation in which nothing is ordered."""
        held, book = self.book.committed(instrument.id), self.book
        return Situation(self._silence(instrument), held, 0, 0, scope.limits, None, book, self.orders_today)

    def _silence(self, instrument: Instrument) -> Signal:
        return Signal(
            id=NOBODY,
            strategy=0,
            tick=self.book.clock,
            n=0,
            instrument=instrument,
            side=Side.BUY,
            quantity=0,
            target=0,
            terms=Terms(),
            time=self.time,
            arrival=None,
            price_e4=self.marks.get(instrument.id, 0),
            previous_e4=None,
            marks=self.marks,
        )


def nearest_first(usages: Iterator[Usage]) -> list[Usage]:
    return sorted(usages, key=lambda usage: Decimal("-Infinity") if usage.fraction is None else -usage.fraction)


def _usage(
    scope: Scope, limit: str, used: int | Decimal, strategy: int | None = None, symbol: str | None = None
) -> Usage:
    bound = Decimal(getattr(scope.limits, limit))
    return Usage(limit, Decimal(used), bound, scope.kind, scope.version, strategy, symbol or scope.symbol)

"""What a portfolio is worth at given last prices."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from portfolio.position import Position

ZERO = Decimal(0)


class Holding(msgspec.Struct, frozen=True, gc=False):
    """A position and the last price of its instrument (rupees)."""

    position: Position
    last_price: Decimal

    @property
    def market_value(self) -> Decimal:
        return self.position.quantity * self.last_price * self.position.multiplier


@dataclass(frozen=True, slots=True)
class Valuation:
    """Rupees. equity = starting cash + realised + unrealised − charges = cash + Σ market value."""

    starting_cash: Decimal
    cash: Decimal
    realised: Decimal
    unrealised: Decimal
    charges: Decimal
    equity: Decimal
    gross_exposure: Decimal
    net_exposure: Decimal

    @property
    def net_pnl(self) -> Decimal:
        return self.equity - self.starting_cash

    def drawdown(self, peak_equity: Decimal) -> Decimal:
        """Fraction below the highest equity, 0 to 1 and beyond when equity is negative."""
        peak = max(peak_equity, self.equity)
        return (peak - self.equity) / peak if peak > 0 else ZERO


def value(starting_cash: Decimal, cash: Decimal, holdings: Iterable[Holding]) -> Valuation:
    held = list(holdings)
    net = sum((h.market_value for h in held), ZERO)
    return Valuation(
        starting_cash=starting_cash,
        cash=cash,
        realised=sum((h.position.realised for h in held), ZERO),
        unrealised=sum((h.position.unrealised(h.last_price) for h in held), ZERO),
        charges=sum((h.position.charges for h in held), ZERO),
        equity=cash + net,
        gross_exposure=sum((abs(h.market_value) for h in held), ZERO),
        net_exposure=net,
    )

"""A portfolio as JSON: what API, replay and backtest show. Money is text with 6 decimals."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alphapanda.money import moment, money
from portfolio.valuation import Holding, Valuation


@dataclass(frozen=True, slots=True)
class Account:
    """Whose statement it is; a backtest has no id."""

    id: int | None
    name: str
    mode: str = "paper"
    currency: str = "INR"


def statement(account: Account, valued: Valuation, peak: Decimal, as_of: int | None) -> dict[str, Any]:
    """`as_of` is the exchange time of the newest price in it, in microseconds."""
    return {
        "id": account.id,
        "name": account.name,
        "mode": account.mode,
        "currency": account.currency,
        "starting_cash": money(valued.starting_cash),
        "cash": money(valued.cash),
        "equity": money(valued.equity),
        "realised_pnl": money(valued.realised),
        "unrealised_pnl": money(valued.unrealised),
        "charges": money(valued.charges),
        "net_pnl": money(valued.net_pnl),
        "gross_exposure": money(valued.gross_exposure),
        "net_exposure": money(valued.net_exposure),
        "drawdown": money(valued.drawdown(peak)),
        "as_of": None if as_of is None else moment(as_of),
    }


def position_line(holding: Holding) -> dict[str, Any]:
    """One position; who holds what is for the caller to add."""
    position, average = holding.position, holding.position.average_price
    return {
        "quantity": position.quantity,
        "average_price": None if average is None else money(average),
        "cost": money(position.cost),
        "last_price": money(holding.last_price),
        "market_value": money(holding.market_value),
        "realised_pnl": money(position.realised),
        "unrealised_pnl": money(position.unrealised(holding.last_price)),
        "charges": money(position.charges),
    }

"""Rules about the order and the whole account. Each is asked when its limit is set.

A ceiling is held against what would be; a ban forbids a kind of order. Exits are exempt where entries are limited,
but not from what would be wrong for any order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from risk.decision import Verdict
from risk.limits import Limits
from risk.situation import Situation
from trading.instrument import PRICE_SCALE
from trading.order import Order, Side
from trading.session import SECOND

INFINITE = Decimal("Infinity")


class AccountRule(Protocol):
    """`is_on` says whether it may have an opinion under some limits; it is asked nothing where it has none."""

    def is_on(self, limits: Limits) -> bool: ...

    def __call__(self, situation: Situation) -> Verdict | None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule that gives its verdict itself; without a limit it depends on what is known of the instrument."""

    judge: Callable[[Situation], Verdict | None]
    limit: str | None = None

    def is_on(self, limits: Limits) -> bool:
        return self.limit is None or getattr(limits, self.limit) is not None

    def __call__(self, situation: Situation) -> Verdict | None:
        return self.judge(situation)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """`observed` may be as large as the limit of that name."""

    rule: str
    limit: str
    observe: Callable[[Situation], int | Decimal]

    def is_on(self, limits: Limits) -> bool:
        return getattr(limits, self.limit) is not None

    def __call__(self, situation: Situation) -> Verdict | None:
        limit = getattr(situation.limits, self.limit)
        if limit is None:
            return None
        observed = self.observe(situation)
        return situation.verdict(self.rule, self.limit, limit, observed, observed <= limit, situation.is_exit)


@dataclass(frozen=True, slots=True)
class Ban:
    """`offence` says what is wrong with an order, if anything is."""

    rule: str
    permission: str
    offence: Callable[[Situation], str | None]
    spares_exits: bool = False

    def is_on(self, limits: Limits) -> bool:
        return not getattr(limits, self.permission)

    def __call__(self, situation: Situation) -> Verdict | None:
        if getattr(situation.limits, self.permission):
            return None
        offence = self.offence(situation)
        return situation.verdict(
            self.rule, self.permission, "never", offence, offence is None, self.spares_exits and situation.is_exit
        )


def position_value(situation: Situation) -> Decimal:
    return abs(situation.exposure)


def net_exposure(situation: Situation) -> Decimal:
    return abs(situation.net)


def concentration(situation: Situation) -> Decimal:
    return _of_equity(position_value(situation), situation)


def leverage(situation: Situation) -> Decimal:
    return _of_equity(situation.gross, situation)


def orders_this_second(situation: Situation) -> int:
    """Orders of the portfolio within the second of market time that ends with this one, itself included."""
    begin = situation.signal.time - SECOND
    return situation.slices + sum(placed.orders for placed in situation.latest if placed.time > begin)


def equals(situation: Situation) -> Verdict | None:
    """Seconds since the strategy last ordered the same."""
    limit, signal = situation.limits.min_seconds_between_equals, situation.signal
    if limit is None:
        return None
    mine = (signal.strategy, signal.instrument.id, situation.ordered)
    times = [p.time for p in situation.latest if (p.strategy, p.instrument, p.signed_quantity) == mine]
    age = Decimal(signal.time - max(times)) / SECOND if times else None
    return situation.verdict(
        "equal_order", "min_seconds_between_equals", limit, age, age is None or age >= limit, situation.is_exit
    )


def short(situation: Situation) -> str | None:
    after = situation.held + situation.ordered
    return f"{after} shares" if situation.ordered < 0 and after < 0 else None


def overdraft(situation: Situation) -> str | None:
    cash = situation.cash_after()
    return f"{cash:.6f} rupees" if cash < 0 and situation.ordered > 0 else None


def crossing(situation: Situation) -> str | None:
    """A working order of the portfolio that this one would trade with."""
    side, signal = Side.of(situation.ordered), situation.signal
    for order in situation.account.working.of.get(signal.instrument.id, ()):
        if order.side is not side and _meet(order, signal.terms.limit_e4, side):
            return f"{order.side} {order.remaining} at {_price(order)}"
    return None


ACCOUNT_RULES: tuple[AccountRule, ...] = (
    Ceiling("order_quantity", "max_order_quantity", lambda s: abs(s.ordered)),
    Ceiling("order_value", "max_order_value", lambda s: s.order_value),
    Ceiling("position_value", "max_position_value", position_value),
    Ceiling("gross_exposure", "max_gross_exposure", lambda s: s.gross),
    Ceiling("net_exposure", "max_net_exposure", net_exposure),
    Ceiling("concentration", "max_concentration", concentration),
    Ceiling("leverage", "max_leverage", leverage),
    Ceiling("open_orders", "max_open_orders", lambda s: len(s.account.working) + s.slices),
    Ceiling("orders_per_day", "max_orders_per_day", lambda s: s.orders_today + s.slices),
    Ceiling("orders_per_second", "max_orders_per_second", orders_this_second),
    Asked(equals, "min_seconds_between_equals"),
    Ban("short_selling", "may_short", short),
    Ban("cash", "may_overdraw", overdraft, spares_exits=True),
    Ban("self_crossing", "may_cross_itself", crossing),
)
LIMIT_OF_ACCOUNT_RULE = {
    "equal_order": "min_seconds_between_equals",
    **{rule.rule: rule.limit for rule in ACCOUNT_RULES if isinstance(rule, Ceiling)},
    **{rule.rule: rule.permission for rule in ACCOUNT_RULES if isinstance(rule, Ban)},
}


def _of_equity(value: Decimal, situation: Situation) -> Decimal:
    equity = situation.equity
    return value / equity if equity > 0 else INFINITE if value else Decimal(0)


def _meet(order: Order, limit_e4: int | None, side: Side) -> bool:
    """Whether prices overlap; a market order meets everything."""
    theirs = order.terms.limit_e4
    return limit_e4 is None or theirs is None or side.sign * (limit_e4 - theirs) >= 0


def _price(order: Order) -> str:
    return "market" if order.terms.limit_e4 is None else str(Decimal(order.terms.limit_e4) / PRICE_SCALE)

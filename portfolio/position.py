"""A position at average cost: quantity and total cost are kept, the average is only shown."""

from decimal import Decimal

import msgspec

from trading.charges import micro

ZERO = Decimal(0)


class Position(msgspec.Struct, frozen=True, gc=False):
    """`cost` has the sign of `quantity`: paid for a long, received for a short; rupees.

    `realised` and `charges` add up over its whole life; charges are not inside `realised`.
    """

    quantity: int = 0
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    charges: Decimal = ZERO
    multiplier: int = 1

    @property
    def average_price(self) -> Decimal | None:
        """Rupees a share, None when flat; for showing only."""
        return micro(self.cost / (self.quantity * self.multiplier)) if self.quantity else None

    def unrealised(self, last_price: Decimal) -> Decimal:
        return self.quantity * last_price * self.multiplier - self.cost


def apply(position: Position, signed_quantity: int, price: Decimal, charges: Decimal = ZERO) -> Position:
    """Books a trade: reduces first, then opens what is left over on the other side."""
    reduced = _reduced(position.quantity, signed_quantity)
    cost, realised = _closed(position, reduced, price) if reduced else (position.cost, position.realised)
    return Position(
        quantity=position.quantity + signed_quantity,
        cost=cost + (signed_quantity - reduced) * price * position.multiplier,
        realised=realised,
        charges=position.charges + charges,
        multiplier=position.multiplier,
    )


def _reduced(held: int, traded: int) -> int:
    """The signed part of a trade that closes what is held."""
    if held * traded >= 0:
        return 0
    return traded if abs(traded) <= abs(held) else -held


def _closed(position: Position, reduced: int, price: Decimal) -> tuple[Decimal, Decimal]:
    """Cost and what is realised after releasing cost in proportion (6 decimals, half even; all of it when flat)."""
    left = position.quantity + reduced
    released = position.cost if not left else micro(position.cost * -reduced / position.quantity)
    proceeds = -reduced * price * position.multiplier
    return position.cost - released, position.realised + proceeds - released

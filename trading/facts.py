"""What the exchange says of instruments these days; None is not known, and then nothing is held against it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from trading.calendar import Calendar


@dataclass(frozen=True, slots=True)
class Facts:
    """Shares that one order may have at most, the circuit limits and the previous close in rupees."""

    freeze_quantity: int | None = None
    lower_circuit: Decimal | None = None
    upper_circuit: Decimal | None = None
    previous_close: Decimal | None = None


NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class Exchange:
    """Facts by id of the instrument, and when the exchanges trade."""

    facts: Mapping[int, Facts] = field(default_factory=dict, hash=False)
    calendar: Calendar = field(default_factory=Calendar)


EXCHANGE = Exchange()


def sliced(quantity: int, facts: Facts, lot_size: int) -> list[int]:
    """Quantities of the orders that a quantity takes, whole lots of the freeze quantity at most."""
    if facts.freeze_quantity is None:
        return [quantity]
    most = max(lot_size, facts.freeze_quantity - facts.freeze_quantity % lot_size)
    full, rest = divmod(quantity, most)
    return [most] * full + [rest] * bool(rest)

"""The numbers in a line of text, as the integers that ticks are made of."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from trading.feed.raw import LineError
from trading.instrument import to_e4

MOST_REMEMBERED = 200_000
LARGEST_E4 = 10**14  # ten billion rupees: far from any price, and fits a record of the log
LARGEST_QUANTITY = 10**15


class Remembered(dict[str, int]):
    """What each text means, parsed once: a market has few distinct prices, seconds and quantities."""

    def __init__(self, parse: Callable[[str], int]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, text: str) -> int:
        meaning = self._parse(text)
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        self[text] = meaning
        return meaning


def price_e4(text: str) -> int:
    """Rupees as text → ten-thousandths, half even; a price is finite and above zero."""
    try:
        price = _decimal(text)
    except ValueError as error:
        raise LineError("bad_price", f"price {text.strip()[:40]!r} is not a number") from error
    if not 0 < price < LARGEST_E4 // 10_000 or not (rounded := to_e4(price)):
        raise LineError("bad_price", f"price {text.strip()[:40]!r} is not above zero or is out of range")
    return rounded


def quantity(text: str) -> int:
    """Whole shares; an empty cell is none (an index has no volume)."""
    if text.isdecimal() and len(text) < 16:
        return int(text)
    try:
        shares = _decimal(text) if text.strip() else Decimal(0)
    except ValueError as error:
        raise LineError("bad_line", f"quantity {text.strip()[:40]!r} is not a number") from error
    if not 0 <= shares <= LARGEST_QUANTITY or shares != int(shares):
        raise LineError("bad_line", f"quantity {text.strip()[:40]!r} is not a whole number of shares")
    return int(shares)


def depth_price_e4(text: str) -> int:
    """As price_e4, but an empty level says 0 or nothing."""
    if not text.strip() or text.strip(" 0.") == "":
        return 0
    return price_e4(text)


def token(text: str) -> int:
    """The broker's number of an instrument."""
    if not text.strip().isdecimal():
        raise LineError("bad_line", f"token {text.strip()[:40]!r} is not a whole number")
    return int(text)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(text) from error
    if "_" in text or not number.is_finite():
        raise ValueError(text)
    return number

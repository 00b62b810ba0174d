"""How amounts and times are written everywhere: API, files, hashes."""

from datetime import datetime
from decimal import Decimal

from trading.session import aware


def money(amount: Decimal) -> str:
    """Rupees as text, always with 6 decimals and without a negative zero."""
    return f"{amount:z.6f}"


def moment(microseconds: int) -> str:
    """Exchange time as text, UTC."""
    return utc(aware(microseconds))


def utc(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

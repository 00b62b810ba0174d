"""When exchanges trade: hours that hold from a day on, and days that differ from the week's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, time

from trading.session import india_date, india_time

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Hours:
    """Monday to Friday from a day on, times in India; without an exchange for all of them."""

    valid_from: date
    opens: time
    closes: time
    exchange: str = ""


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A holiday, or a day with other hours when it has some."""

    day: date
    name: str
    opens: time | None = None
    closes: time | None = None
    exchange: str = ""


USUAL = Hours(date(2000, 1, 1), time(9, 15), time(15, 30))


@dataclass(frozen=True, slots=True)
class Calendar:
    """Of rows for one day the one that names the exchange holds, then the one that begins last."""

    hours: tuple[Hours, ...] = (USUAL,)
    special: dict[tuple[str, date], SpecialDay] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, hours: Iterable[Hours], special: Iterable[SpecialDay]) -> Calendar:
        return cls(tuple(hours) or (USUAL,), {(day.exchange, day.day): day for day in special})

    def closed(self, exchange: str, microseconds: int) -> str | None:
        """Why nothing is traded at a moment; None when something is."""
        day, now = india_date(microseconds), india_time(microseconds)
        special = self.special.get((exchange, day)) or self.special.get(("", day))
        if special and special.opens is None:
            return f"holiday: {special.name}"
        if special is None and day.weekday() >= SATURDAY:
            return f"{day:%A}"
        opens, closes = self._of(exchange, day) if special is None else (special.opens, special.closes)
        if opens and closes and not opens <= now < closes:
            return f"{now:%H:%M:%S} is outside {opens:%H:%M} to {closes:%H:%M}"
        return None

    def _of(self, exchange: str, day: date) -> tuple[time, time]:
        held = [h for h in self.hours if h.exchange in ("", exchange) and h.valid_from <= day] or [USUAL]
        best = max(held, key=lambda hours: (bool(hours.exchange), hours.valid_from))
        return best.opens, best.closes

"""Times as files write them → microseconds since the epoch; without a zone they are Asia/Kolkata."""

import re
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal

from trading.feed.raw import LineError
from trading.feed.values import Remembered
from trading.session import INDIA, microseconds

_DATE = r"(?P<y>\d{4})[-/](?P<m>\d\d?)[-/](?P<d>\d\d?)|(?P<d2>\d\d?)[-/](?P<m2>\d\d?)[-/](?P<y2>\d{4})"
_COMPACT = r"(?P<y3>\d{4})(?P<m3>\d\d)(?P<d3>\d\d)"
_CLOCK = r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d))?"
_ZONE = r"(?P<zone>Z|UTC|GMT|IST|(?P<sign>[+-])(?P<zone_hours>\d\d):?(?P<zone_minutes>\d\d)?)"
_MOMENT = re.compile(rf"(?:{_DATE}|{_COMPACT})(?:[T ]+{_CLOCK}\s*{_ZONE}?)?", re.ASCII | re.IGNORECASE)
_FRACTION = re.compile(r"(\d+)(.*)", re.ASCII)
# Digits of an epoch number since 2001 → microseconds in one of its units.
_EPOCH_UNITS = dict.fromkeys((9, 10), Decimal(1_000_000))
_EPOCH_UNITS |= dict.fromkeys((12, 13), Decimal(1_000))
_EPOCH_UNITS |= dict.fromkeys((15, 16), Decimal(1))
_EPOCH_UNITS |= dict.fromkeys((18, 19), Decimal("0.001"))


class TimestampReader:
    """Parses each whole second once, for ticks share seconds and bars share minutes."""

    def __init__(self) -> None:
        self._seconds = Remembered(_whole_second)

    def read(self, text: str) -> int:
        """Raises LineError where the text is not a time."""
        whole, point, fraction = text.partition(".")
        if not point:
            return self._seconds[text]
        if whole.isdecimal():
            return _epoch(text)
        if not fraction.isdecimal():
            whole, fraction = _zone_apart(whole, fraction)
        return self._seconds[whole] + int(f"{fraction:0<6.6}")


def _zone_apart(whole: str, fraction: str) -> tuple[str, str]:
    """A zone stands behind the fraction: "09:15:00", "25+05:30" → "09:15:00+05:30", "25"."""
    match = _FRACTION.fullmatch(fraction.rstrip())
    if match is None:
        raise _unreadable(f"{whole}.{fraction}")
    return whole + match[2], match[1]


def _whole_second(text: str) -> int:
    if text[4:5] == "-":  # most files; ten times faster than the expression below
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            return _other_form(text)
        return microseconds(moment if moment.tzinfo else moment.replace(tzinfo=INDIA))
    return _other_form(text)


def _other_form(text: str) -> int:
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        return _epoch(text)
    part = match.groupdict()
    try:
        moment = datetime(*_date(part), *_clock(part), tzinfo=_zone(part))
    except ValueError as error:
        raise _unreadable(text) from error
    return microseconds(moment)


def _date(part: dict[str, str | None]) -> tuple[int, int, int]:
    year = part["y"] or part["y2"] or part["y3"] or ""
    month = part["m"] or part["m2"] or part["m3"] or ""
    day = part["d"] or part["d2"] or part["d3"] or ""
    return int(year), int(month), int(day)


def _clock(part: dict[str, str | None]) -> tuple[int, int, int]:
    return int(part["hour"] or 0), int(part["minute"] or 0), int(part["second"] or 0)


def _zone(part: dict[str, str | None]) -> tzinfo:
    zone = (part["zone"] or "IST").upper()
    if zone == "IST":
        return INDIA
    ahead = timedelta(hours=int(part["zone_hours"] or 0), minutes=int(part["zone_minutes"] or 0))
    return timezone(-ahead if part["sign"] == "-" else ahead)


def _epoch(text: str) -> int:
    whole = text.strip().partition(".")[0]
    unit = _EPOCH_UNITS.get(len(whole))
    if unit is None or not whole.isdecimal():
        raise _unreadable(text)
    try:
        return int(Decimal(text) * unit)
    except ArithmeticError as error:
        raise _unreadable(text) from error


def _unreadable(text: str) -> LineError:
    return LineError("bad_line", f"time {text.strip()[:40]!r} is not understood")

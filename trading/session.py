"""Time at the exchange: microseconds since the epoch, and the calendar day in India."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

INDIA = ZoneInfo("Asia/Kolkata")
SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
_INDIA_OFFSET = (5 * 60 + 30) * MINUTE  # India keeps no summer time
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DATE = date(1970, 1, 1)


def aware(microseconds: int) -> datetime:
    """Microseconds since the epoch → aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(moment: datetime) -> int:
    """Aware datetime → microseconds since the epoch, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def india_day(microseconds: int) -> int:
    """Number of the calendar day in Asia/Kolkata, for comparing."""
    return (microseconds + _INDIA_OFFSET) // DAY


def india_time(microseconds: int) -> time:
    """Time of day in Asia/Kolkata."""
    seconds, rest = divmod((microseconds + _INDIA_OFFSET) % DAY, SECOND)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60, rest)


def day_begin(day: int) -> int:
    """Midnight in Asia/Kolkata at which a day begins, by its number."""
    return day * DAY - _INDIA_OFFSET


def since_midnight(of: time) -> int:
    """Microseconds."""
    return ((of.hour * 60 + of.minute) * 60 + of.second) * SECOND + of.microsecond


def india_date(microseconds: int) -> date:
    """Calendar date in Asia/Kolkata."""
    return _date_of((microseconds + _INDIA_OFFSET) // DAY)


@lru_cache(maxsize=512)
def _date_of(day: int) -> date:
    return _EPOCH_DATE + timedelta(days=day)

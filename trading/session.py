"""Time at the exchange: microseconds since the epoch, and the calendar day in India."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

INDIA = ZoneInfo("Asia/Kolkata")
SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
_INDIA_OFFSET = (5 * 60 + 30) * MINUTE  # India keeps no summer time
_OPENS, _CLOSES, _SATURDAY = (9 * 60 + 15) * MINUTE, (15 * 60 + 30) * MINUTE, 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DATE = date(1970, 1, 1)


def aware(microseconds: int) -> datetime:
    """Microseconds since the epoch → aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(moment: datetime) -> int:
    """Aware datetime → microseconds since the epoch, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def is_in_session(microseconds: int) -> bool:
    """Whether the exchange trades then: 09:15 to 15:30 on a weekday in India. Holidays are not known."""
    time_of_day = (microseconds + _INDIA_OFFSET) % DAY
    return _OPENS <= time_of_day < _CLOSES and india_date(microseconds).weekday() < _SATURDAY


def india_day(microseconds: int) -> int:
    """Number of the calendar day in Asia/Kolkata, for comparing."""
    return (microseconds + _INDIA_OFFSET) // DAY


def india_time(microseconds: int) -> time:
    """Time of day in Asia/Kolkata."""
    seconds, rest = divmod((microseconds + _INDIA_OFFSET) % DAY, SECOND)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60, rest)


def india_date(microseconds: int) -> date:
    """Calendar date in Asia/Kolkata."""
    return _EPOCH_DATE + timedelta(days=india_day(microseconds))

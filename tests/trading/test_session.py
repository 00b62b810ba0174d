from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as some

from trading.session import INDIA, aware, india_date, india_day, microseconds

MOMENTS = some.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=some.just(UTC))


@given(MOMENTS)
def test_microseconds_come_back_exactly(moment):
    assert aware(microseconds(moment)) == moment


@given(MOMENTS)
def test_the_day_in_india_is_that_of_the_calendar(moment):
    assert india_date(microseconds(moment)) == moment.astimezone(INDIA).date()


def test_a_day_in_india_begins_at_half_past_six_in_the_evening():
    """Pitfall: naive IST times declared UTC: every tick 5 h 30 min in the future."""
    last, first = (microseconds(datetime(2023, 4, 3, 18, m, s, tzinfo=UTC)) for m, s in ((29, 59), (30, 0)))
    assert (india_date(last), india_date(first)) == (date(2023, 4, 3), date(2023, 4, 4))
    assert india_day(first) - india_day(last) == 1


def test_the_zone_of_a_time_does_not_matter():
    india = timezone(timedelta(hours=5, minutes=30))
    there = microseconds(datetime(2023, 4, 3, 9, 15, tzinfo=india))
    assert there == microseconds(datetime(2023, 4, 3, 3, 45, tzinfo=UTC)) == 1_680_493_500_000_000


def test_a_time_without_zone_is_refused():
    """Pitfall: naive IST times declared UTC."""
    with pytest.raises(TypeError):
        microseconds(datetime(2023, 4, 3, 9, 15))

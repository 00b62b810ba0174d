"""When exchanges trade: hours are configuration, holidays and special sessions are rows."""

from datetime import date, datetime, time

import pytest

from alphapanda.reference import load_exchange
from trading.calendar import Calendar, Hours, SpecialDay
from trading.session import INDIA, microseconds

HOLIDAY = SpecialDay(date(2026, 11, 24), "Guru Nanak Jayanti")
MUHURAT = SpecialDay(date(2025, 10, 21), "Muhurat", time(13, 45), time(14, 45), "NSE")
LONGER = Hours(date(2026, 8, 3), time(9, 15), time(15, 35), "NSE")
USUAL = Hours(date(2000, 1, 1), time(9, 15), time(15, 30))
CALENDAR = Calendar.of([USUAL, LONGER], [HOLIDAY, MUHURAT])


def closed(moment: str, exchange: str = "NSE", calendar: Calendar = CALENDAR) -> str | None:
    return calendar.closed(exchange, microseconds(datetime.fromisoformat(moment).replace(tzinfo=INDIA)))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23 09:15:00", None),
        ("2026-11-23 09:14:59", "09:14:59 is outside 09:15 to 15:35"),
        ("2026-11-23 15:34:59", None),
        ("2026-11-23 15:35:00", "15:35:00 is outside 09:15 to 15:35"),
        ("2026-07-31 15:30:00", "15:30:00 is outside 09:15 to 15:30"),
        ("2026-11-24 10:00:00", "holiday: Guru Nanak Jayanti"),
        ("2026-11-22 10:00:00", "Sunday"),
        ("2025-10-21 14:00:00", None),
        ("2025-10-21 10:00:00", "10:00:00 is outside 13:45 to 14:45"),
    ],
)
def test_exchange_trades_by_its_calendar(moment, expected):
    assert closed(moment) == expected


def test_exchanges_have_hours_and_days_of_their_own():
    assert closed("2026-11-23 15:32:00", "BSE") == "15:32:00 is outside 09:15 to 15:30"
    assert closed("2025-10-21 10:00:00", "BSE") is None
    assert closed("2026-11-24 10:00:00", "BSE") == "holiday: Guru Nanak Jayanti"


def test_without_rows_the_usual_hours_hold():
    assert closed("2026-11-23 15:29:59", calendar=Calendar()) is None
    assert closed("1999-01-04 15:30:00", calendar=Calendar.of([LONGER], [])) is not None


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [("2023-04-03 10:00", True), ("2023-04-04 10:00", False), ("2024-01-22 10:00", False), ("2025-02-01 10:00", True)],
)
def test_shipped_calendar_knows_holidays_and_special_sessions(moment, is_open):
    assert (closed(moment, calendar=load_exchange().calendar) is None) is is_open

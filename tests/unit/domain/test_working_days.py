"""Working days by a calendar, held against counting day by day."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_fulfillment.domain.working_days import Calendar

FRIDAY, SATURDAY, SUNDAY = 4, 5, 6
WEST = Calendar([SATURDAY, SUNDAY], [date(2026, 3, 10)], UTC)  # a Tuesday off

instants = st.datetimes(datetime(2026, 1, 1), datetime(2026, 4, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
days = st.dates(date(2025, 12, 20), date(2026, 4, 10))
zones = st.sampled_from(["UTC", "Asia/Dubai", "America/Los_Angeles", "Pacific/Kiritimati"])


def march(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


@given(
    st.sets(st.integers(0, 6), max_size=6), st.lists(days, max_size=40), zones, instants, instants
)
def test_it_is_what_counting_day_by_day_gives(
    weekend: set[int], holidays: list[date], zone: str, entry: datetime, now: datetime
) -> None:
    def works(day: date) -> bool:
        return day.weekday() not in weekend and day not in holidays

    day, today = (each.astimezone(ZoneInfo(zone)).date() for each in (entry, now))
    while not works(day):  # what enters on a day off enters on the next working day
        day += timedelta(days=1)
    begun = 0
    while (day := day + timedelta(days=1)) <= today:
        begun += works(day)

    assert Calendar(weekend, holidays, ZoneInfo(zone)).begun_since(entry, now) == begun


@pytest.mark.parametrize(
    ("entry", "now", "begun"),
    [
        (march(6), march(6, 23), 0),  # a Friday, itself
        (march(6), march(8), 0),  # the weekend after it
        (march(6), march(9, 0), 1),  # Monday has begun
        (march(6), march(10), 1),  # the Tuesday off
        (march(6), march(11), 2),
        (march(7), march(9, 23), 0),  # what enters on Saturday enters on Monday
        (march(8), march(11), 1),
        (march(10), march(12), 1),  # on the Tuesday off, so on Wednesday
        (march(12), march(6), 0),  # not yet
    ],
)
def test_days_off_do_not_count(entry: datetime, now: datetime, begun: int) -> None:
    assert WEST.begun_since(entry, now) == begun


def test_the_day_ends_where_the_vendor_is() -> None:
    dubai = Calendar([FRIDAY], [], ZoneInfo("Asia/Dubai"))

    assert dubai.begun_since(march(3, 19), march(3, 20)) == 1
    assert Calendar([FRIDAY], [], UTC).begun_since(march(3, 19), march(3, 20)) == 0

import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_fulfillment.domain.detail import Precision
from card_fulfillment.messages.identity import NAMESPACE, digest, uuid5
from card_fulfillment.messages.times import iso_utc, on_its_day, to_micros

moments = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2101, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours))),
)


@given(moments)
def test_a_time_is_written_in_utc_and_cut_to_milliseconds(moment: datetime) -> None:
    written = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    assert iso_utc(to_micros(moment)) == written.replace("+00:00", "Z")


@given(moments)
def test_microseconds_keep_the_whole_time(moment: datetime) -> None:
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=to_micros(moment)) == moment


@pytest.mark.parametrize("month", [1, 7])
@pytest.mark.parametrize(
    "zone", ["Pacific/Auckland", "Pacific/Tongatapu", "Asia/Dubai", "UTC", "Pacific/Honolulu"]
)
def test_the_day_that_is_stated_in_a_zone_is_read_off_in_utc(zone: str, month: int) -> None:
    midnight = datetime(2026, month, 18, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert on_its_day(midnight, Precision.DAY).date() == date(2026, month, 18)
    assert on_its_day(midnight, Precision.SECOND) == midnight


@given(st.text())
def test_names_have_the_uuid5_of_the_standard(name: str) -> None:
    assert uuid5(name) == str(uuid.uuid5(NAMESPACE, name))


def test_a_digest_is_of_the_parts_not_of_their_concatenation() -> None:
    assert len({digest(parts) for parts in [("ab", "c"), ("a", "bc"), ("abc",), ('a","bc',)]}) == 4


def test_a_digest_does_not_depend_on_the_order_of_names() -> None:
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})


def test_identities_never_change_or_what_is_stored_and_published_would_not_be_known_again() -> None:
    said = ["event", "vendor", 1, None, {"b": 2, "a": "é"}]
    assert digest(said).hex() == "a559805e3a320f0f83b1bbb2670e530c"
    assert uuid5("card/1") == "49932237-652a-51b0-83c6-7234757bd1e5"

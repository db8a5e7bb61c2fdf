"""What is longer in its phase than its order allows, by whom it was ordered from and how."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from card_fulfillment.domain.status import Phase, Status
from card_fulfillment.domain.working_days import Calendar
from card_fulfillment.pipeline.allowances import (
    Allowance,
    Ordered,
    Told,
    allowances,
    days_late,
    limited,
)
from card_fulfillment.vendors.profile import load_profile

ALLOWED: Final = {
    "alpha": Allowance(
        Calendar([5, 6], [], UTC),
        {
            ("express", Phase.PRODUCTION): 2,
            ("express", Phase.TRANSIT): 0,
            ("mail", Phase.ORDERED): 1,
        },
    )
}
PROFILE: Final = """
vendor: alpha
role: bureau
version: 1
live_tracking: true
assumed_zone: Asia/Riyadh
weekend: [friday, saturday]
holidays: [2026-03-15]
reference_kinds: [card]
methods:
  express: {working_days: {ordered: 0, transit: 4}, tracked: true}
  mail: {tracked: false}
rules:
  - references: {card: message.card}
    facts: [{code: message.code, codes: {A: accepted}}]
"""
FRIDAY: Final = datetime(2026, 3, 13, 12, tzinfo=UTC)
ORDER: Final = Ordered("alpha", "express")


def told(
    status: Status, day: int, *, attempt: int = 1, vendor: str = "alpha", method: str | None = None
) -> Any:  # noqa: ANN401 - only what is looked at, of an event
    """Told on a day of March 2026, the ninth of which is a Monday."""
    return {
        "fulfillment_status": status.value,
        "attempt": attempt,
        "occurred_at": f"2026-03-{day:02}T10:00:00.000Z",
        "occurred_at_precision": "second",
        "vendor": {"id": vendor},
        "shipment": {"method": method},
    }


def late(*events: Any, order: Ordered | None = None) -> int | None:  # noqa: ANN401 - see `told`
    *earlier, last = events
    return days_late(Told(last, earlier, order), ALLOWED, FRIDAY)


def test_a_phase_begins_with_the_earliest_time_that_is_stated_of_it() -> None:
    """Not with the last event, nor with the one that was told first."""
    ordered = told(Status.ORDERED, 2, method="express")
    produced, accepted = told(Status.PRODUCED, 12), told(Status.ACCEPTED, 9)

    assert late(ordered, accepted, produced) == 2
    assert late(ordered, produced, accepted) == 2
    assert late(ordered, produced) is None


def test_a_phase_does_not_begin_before_its_attempt_whatever_a_clock_says() -> None:
    ordered = told(Status.ORDERED, 10, method="express")
    long_ago = told(Status.ACCEPTED, 11) | {"occurred_at": "2001-01-01T00:00:00.000Z"}

    assert late(ordered, long_ago) == 1


def test_a_phase_that_was_left_begins_anew() -> None:
    """A bulk is ordered anew: until its members have it, it is where they were."""
    before, between, after = (
        told(Status.ACCEPTED, 3),
        told(Status.ORDERED, 4),
        told(Status.PRODUCED, 10),
    )

    assert late(before, between, after, order=ORDER) == 1
    assert late(before, after, order=ORDER) == 6


def test_another_attempt_begins_anew() -> None:
    first = told(Status.ORDERED, 2, method="mail"), told(Status.ACCEPTED, 3)
    again = told(Status.ORDERED, 10, attempt=2, method="express")

    assert late(*first, again, told(Status.ACCEPTED, 10, attempt=2)) == 1
    assert late(*first, again) is None  # for what is ordered it allows nothing in particular


@pytest.mark.parametrize(
    "order", [None, Ordered("beta", "express"), Ordered("alpha", None), Ordered("alpha", "by hand")]
)
def test_without_a_word_about_it_nothing_is_late(order: Ordered | None) -> None:
    accepted = told(Status.ACCEPTED, 2)

    assert late(accepted, order=order) is None
    assert late(accepted, order=ORDER) == 7


def test_what_somebody_else_says_is_no_order() -> None:
    carrier = told(Status.IN_TRANSIT, 10, vendor="courier", method="slow")

    assert late(told(Status.ORDERED, 2, method="express"), carrier) == 3


def test_an_order_that_its_vendor_told_first_has_the_method_that_is_shown() -> None:
    assert late(told(Status.ORDERED, 2), told(Status.ACCEPTED, 9, method="express")) == 2


def test_what_waits_for_its_holder_has_come_to_where_it_was_going() -> None:
    shipped, waiting = told(Status.SHIPPED, 9), told(Status.AVAILABLE_FOR_PICKUP, 10)

    assert late(shipped, waiting, order=ORDER) is None
    assert late(shipped, told(Status.DELIVERY_EXCEPTION, 10), order=ORDER) == 4


def test_a_day_is_that_day_in_the_calendar_whoever_states_it() -> None:
    """The tenth in Riyadh begins on the ninth in UTC."""
    day = told(Status.SHIPPED, 9) | {"occurred_at": "2026-03-09T21:00:00.000Z"}

    assert late(day, order=ORDER) == 4
    assert late(day | {"occurred_at_precision": "day"}, order=ORDER) == 3


def test_the_statuses_of_phases_with_a_number_are_those_to_look_at() -> None:
    assert limited({}) == []
    assert set(limited(ALLOWED)) == {
        s for s in Status if s not in {Status.CREATED, Status.AVAILABLE_FOR_PICKUP}
    } - {Status.DELIVERED, Status.RETURNING, Status.DELIVERY_FAILED, Status.RETURNED, Status.LOST}


def test_a_profile_says_what_its_vendor_takes_and_when_it_works(tmp_path: Path) -> None:
    path = tmp_path / "alpha.yaml"
    path.write_text(PROFILE, encoding="utf-8")
    alpha = load_profile(path)
    found = allowances({"alpha": alpha, "nobody": load_profile(plain(tmp_path))})

    assert found.keys() == {"alpha"}
    assert found["alpha"].days == {("express", Phase.ORDERED): 0, ("express", Phase.TRANSIT): 4}
    # After a Thursday: two days of the weekend and a holiday, until it is Monday in Riyadh.
    thursday, sunday = (datetime(2026, 3, day, 12, tzinfo=UTC) for day in (12, 15))
    assert found["alpha"].calendar.begun_since(thursday, sunday) == 0
    assert found["alpha"].calendar.begun_since(thursday, sunday + timedelta(hours=10)) == 1


def plain(directory: Path) -> Path:
    path = directory / "plain.yaml"
    path.write_text(PROFILE.replace("working_days: {ordered: 0, transit: 4}, ", ""))
    return path

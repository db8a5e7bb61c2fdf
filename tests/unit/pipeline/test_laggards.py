"""What should have got on, and what is not to be worried about."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_fulfillment.domain.status import Phase, Status
from card_fulfillment.domain.working_days import Calendar
from card_fulfillment.pipeline.allowances import Allowance, Ordered, Told
from card_fulfillment.pipeline.laggards import (
    ON_THE_WAY,
    Asked,
    Laggard,
    Laggards,
    laggard,
    laggards,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
# Four working days in transit, of which 2026-03-10 is one, a Tuesday.
IN_TRANSIT = Allowance(Calendar([5, 6], [], UTC), {("express", Phase.TRANSIT): 4})
ASKED = Asked(NOW, WEEK, {"alpha": IN_TRANSIT})


def event(
    status: Status = Status.IN_TRANSIT,
    *,
    days_ago: float = 0,
    estimate: str | None = None,
    final: bool = False,
    name: str = "e",
) -> Any:  # noqa: ANN401 - only what is looked at, of an event
    return {
        "event_id": name,
        "fulfillment_status": status,
        "attempt": 1,
        "occurred_at": told_at(days_ago),
        "occurred_at_precision": "second",
        "received_at": told_at(days_ago),
        "final": final,
        "vendor": None,
        "shipment": {"estimated_delivery": estimate, "method": None},
    }


def told_at(days_ago: float) -> str:
    return (NOW - timedelta(days=days_ago)).isoformat().replace("+00:00", "Z")


def judged(event: Any, order: Ordered | None = None) -> Laggard | None:  # noqa: ANN401 - see `event`
    return laggard(Told(event, (), order), ASKED)


def test_what_nobody_spoke_of_for_so_long_is_silent() -> None:
    for days_ago in (7, 300):
        found = judged(event(days_ago=days_ago))
        assert found is not None
        assert found.is_silent
    assert judged(event(days_ago=6.99)) is None


@pytest.mark.parametrize(
    ("estimate", "days"), [("2026-03-09", 1), ("2026-02-08", 30), ("2026-03-10", None)]
)
def test_an_estimated_delivery_is_past_from_the_next_day_on(
    estimate: str, days: int | None
) -> None:
    found = judged(event(estimate=estimate))
    assert (found and found.past_estimate) == days
    assert found is None or not found.is_silent


@pytest.mark.parametrize("status", [Status.AVAILABLE_FOR_PICKUP, Status.RETURNING])
def test_the_estimate_is_about_the_way_there_only(status: Status) -> None:
    assert judged(event(status, estimate="2026-03-01")) is None
    silent = judged(event(status, estimate="2026-03-01", days_ago=9))
    assert silent is not None
    assert silent.past_estimate is None


def test_what_is_longer_in_its_phase_than_its_order_allows_is_late() -> None:
    """After Tuesday last week came Wednesday to Friday, Monday and today: one more than four."""
    order = Ordered("alpha", "express")
    late = judged(event(days_ago=6.9), order)
    assert late is not None
    assert (late.days_late, late.is_silent, late.past_estimate) == (1, False, None)
    assert judged(event(days_ago=6), order) is None
    silent = judged(event(days_ago=8), order)
    assert silent is not None
    assert (silent.days_late, silent.is_silent) == (2, True)
    assert judged(event(Status.SHIPPED, days_ago=6.9, final=True), order) is None


def test_of_what_is_final_nothing_more_is_expected() -> None:
    """A letter that nobody tracks is final when it is shipped."""
    untracked = event(Status.SHIPPED, days_ago=90, estimate="2026-01-01", final=True)
    assert judged(untracked) is None


def test_an_estimate_that_is_no_date_says_nothing() -> None:
    assert judged(event(estimate="tomorrow")) is None


def test_every_status_is_on_the_way_or_final_by_itself() -> None:
    assert set(Status) - set(ON_THE_WAY) == {
        Status.DELIVERED,
        Status.RETURNED,
        Status.LOST,
        Status.DELIVERY_FAILED,
        Status.REJECTED,
        Status.CANCELLED,
    }


@given(st.lists(st.integers(0, 20), max_size=30), st.integers(1, 5))
def test_those_silent_for_longest_are_shown_and_all_are_counted(ages: list[int], most: int) -> None:
    events = [event(days_ago=age, name=f"{number:02}") for number, age in enumerate(ages)]
    found = asyncio.run(found_among(events, most))
    silent = sorted((age for age in ages if age >= 7), reverse=True)
    assert [(NOW - each.since).days for each in found.oldest] == silent[:most]
    assert found.silent == found.by_status[Status.IN_TRANSIT] == len(silent)
    assert found.past_estimate == found.late == 0


def test_all_that_are_late_are_counted() -> None:
    events = [event(days_ago=6.9, name=f"{number}") for number in range(3)]
    order = Ordered("alpha", "express")
    found = asyncio.run(found_among(events, 1, order))
    assert (found.late, found.silent, len(found.oldest)) == (3, 0, 1)


async def found_among(events: Sequence[Any], most: int, order: Ordered | None = None) -> Laggards:
    async def coming() -> AsyncIterator[Any]:
        for each in events:
            yield Told(each, (), order)

    return await laggards(coming(), ASKED, most)

"""What names a reference again changes whom stored facts are about, and in which attempt."""

from typing import Any

import pytest

from agreement import Telling, assert_agrees
from builders import announcement, box_no, fact, order, order_no, sent, waybill
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Fact, Statement
from card_fulfillment.domain.status import Status

_O1, _O2, _BOX, _W = order_no("o1"), order_no("o2"), box_no("x"), waybill("w")


def _told(*statements: Statement) -> Telling:
    """One statement a batch."""
    telling = Telling()
    for each in statements:
        telling.take([sent(each)])
    assert_agrees(telling.snapshot(), telling.witness.told)
    return telling


def _cards_of(telling: Telling, stated: Fact) -> dict[str, int]:
    """Whom it is about, each with the attempt."""
    places = telling.snapshot().facts[stated.fact_id].places
    return {subject.id: place.attempt for subject, place in places.items()}


def test_a_number_given_to_its_first_card_again_means_both_from_then_on() -> None:
    stated = fact(Status.DELIVERED, 500, _O1)
    telling = _told(
        announcement("c1"),
        announcement("c2", 400),
        order("c1", 1, _O1),
        order("c2", 480, _O1),
        stated,
        order("c1", 490, _O1),
    )

    assert _cards_of(telling, stated) == {"c1": 1, "c2": 1}


def test_a_waybill_named_for_a_second_card_takes_its_scans_to_that_card_too() -> None:
    scan = fact(Status.DELIVERED, 30, _W)
    telling = _told(
        announcement("c1"),
        announcement("c2"),
        order("c1", 1, _O1),
        order("c2", 1, _O2),
        fact(Status.SHIPPED, 10, _O1, names=[_W]),
        scan,
        fact(Status.SHIPPED, 11, _O2, names=[_W]),
    )

    assert _cards_of(telling, scan) == {"c1": 1, "c2": 1}


@pytest.mark.parametrize(
    "again",
    [fact(Status.PRODUCED, 115, _O1, names=[_W]), order("c1", 115, _W)],
    ids=["by a fact", "by an order"],
)
def test_a_waybill_named_again_decides_before_the_announcement_too(
    again: Statement,
) -> None:
    """No fact waits for the announcement: only what binds anew can move it."""
    scan = fact(Status.LOST, 122, _W, _O2)
    telling = _told(
        order("c1", 1, _O1),
        order("c1", 110, _O2, attempt=3, vendor="beta"),
        fact(Status.ACCEPTED, 110, _O1, names=[_W]),
        scan,
        again,
    )

    assert _cards_of(telling, scan) == {"c1": 1}


def test_and_where_one_of_its_several_cards_has_other_attempts() -> None:
    scan = fact(Status.LOST, 122, _W, _O2)
    telling = _told(
        *(announcement(each) for each in ("c1", "c2", "c3")),
        *(order(each, 1, _O1) for each in ("c1", "c2", "c3")),
        order("c2", 110, _O2, attempt=2),
        fact(Status.ACCEPTED, 110, _O1, names=[_W]),
        scan,
        fact(Status.PRODUCED, 115, _O1, names=[_W]),
    )

    assert _cards_of(telling, scan) == {"c2": 1}


def test_what_is_named_on_and_on_moves_with_a_fact_that_waited() -> None:
    """The first card keeps what it had: a waybill that is named anew loses nobody."""
    scan = fact(Status.SHIPPED, 10, _W)
    telling = _told(
        announcement("c1"),
        announcement("c2"),
        order("c1", 1, _O1),
        fact(Status.ACCEPTED, 5, _O1, names=[_BOX]),
        fact(Status.PRODUCED, 6, _BOX, names=[_W]),
        scan,
        fact(Status.ACCEPTED, 7, _O2, names=[_BOX]),
        order("c2", 2, _O2),
    )

    assert _cards_of(telling, scan) == {"c1": 1, "c2": 1}


def test_and_with_a_fact_without_a_time_of_which_an_earlier_copy_comes() -> None:
    untimed: dict[str, Any] = {"names": [_BOX], "precision": Precision.UNKNOWN, "event_id": "e"}
    scan = fact(Status.SHIPPED, 95, _W)
    telling = _told(
        announcement("c1"),
        announcement("c2"),
        order("c1", 1, _O1),
        order("c1", 50, _O1, attempt=2),
        order("c2", 1, _O2),
        fact(Status.ACCEPTED, 90, _O2, names=[_W]),
        fact(Status.ACCEPTED, 100, _O1, **untimed),
        fact(Status.PRODUCED, 90, _BOX, names=[_W]),
        scan,
        fact(Status.ACCEPTED, 40, _O1, **untimed),
    )

    assert _cards_of(telling, scan) == {"c1": 1, "c2": 1}


@pytest.mark.parametrize("received", [(40, 120), (120, 40)])
def test_an_earlier_copy_takes_a_fact_without_a_time_to_the_attempt_before(
    received: tuple[float, float],
) -> None:
    def copy(at: float) -> Fact:
        return fact(Status.SHIPPED, at, _O1, precision=Precision.UNKNOWN, event_id="e")

    telling = _told(
        announcement("c1"),
        order("c1", 1, _O1),
        order("c1", 50, _O1, attempt=2),
        fact(Status.PRODUCED, 60, _O1),
        copy(100),
    )
    telling.take([sent(copy(each)) for each in received])

    assert _cards_of(telling, copy(100)) == {"c1": 1}
    assert telling.snapshot().statuses()["c1"][-2:] == ["shipped", "produced"]
    assert_agrees(telling.snapshot(), telling.witness.told)

"""Placing facts by example: whom they wait for, and what is told as the cause where they move."""

from itertools import permutations

import pytest

from agreement import Telling, assert_agrees
from builders import announcement, fact, order, order_no, own_id, sent
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Fact, Statement
from card_fulfillment.domain.naming import bulk_issuance, card
from card_fulfillment.domain.status import Status

_O1, _O2, _B1 = order_no("o1"), order_no("o2"), bulk_issuance("b1")


def _told(*statements: Statement) -> Telling:
    """One statement a batch: its offset is its place."""
    telling = Telling()
    for each in statements:
        telling.take([sent(each)])
    assert_agrees(telling.settle().snapshot(), telling.witness.told)
    return telling


def test_an_earlier_copy_takes_a_fact_without_a_time_back_behind_others() -> None:
    def copy(at: float) -> Fact:
        return fact(Status.IN_TRANSIT, at, _O1, precision=Precision.UNKNOWN, event_id="e")

    telling = _told(
        announcement("c1"),
        order("c1", 1, _O1),
        copy(100),
        fact(Status.DELIVERY_EXCEPTION, 50, _O1),
        copy(40),
    )

    assert telling.snapshot().statuses()["c1"][-2:] == ["in_transit", "delivery_exception"]


def test_what_names_a_member_by_its_own_id_goes_into_the_attempt_of_its_bulk() -> None:
    named = fact(Status.PRODUCED, 9, own_id("alpha", "c1"))
    telling = _told(
        announcement("c1", bulk="b1"),
        order(_B1, 1, _O1),
        named,
        order(_B1, 5, _O1, attempt=2),
    )

    places = telling.snapshot().facts[named.fact_id].places
    assert {subject: place.attempt for subject, place in places.items()} == {card("c1"): 2}


def test_a_fact_that_contradicts_itself_when_it_comes_is_told_of_at_once_and_once() -> None:
    telling = _told(
        announcement("c1"),
        announcement("c2"),
        order("c1", 1, _O1),
        order("c2", 1, _O2),
        fact(Status.SHIPPED, 5, _O1, _O2),
    )
    assert [letter["reason"] for _, letter in telling.snapshot().letters()] == [
        "reference_conflict"
    ]

    telling.take([sent(order("c2", 2, _O2))])
    assert len(telling.snapshot().letters()) == 1


@pytest.mark.parametrize(
    "story",
    [
        (fact(Status.SHIPPED, 5, _O1), announcement("c1"), order("c1", 1, _O1)),
        (fact(Status.SHIPPED, 5, own_id("alpha", "c1")), announcement("c1"), order("c1", 1, _O1)),
        (
            fact(Status.SHIPPED, 5, own_id("alpha", "c1")),
            announcement("c1", bulk="b1"),
            order(_B1, 1, _O1),
        ),
        (
            fact(Status.SHIPPED, 5, _O1, _O2),
            announcement("c1", bulk="b1"),
            order(_B1, 1, _O1),
            order("c1", 1, _O2),
        ),
    ],
)
def test_what_has_found_all_that_it_names_waits_for_nothing_more(
    story: tuple[Statement, ...],
) -> None:
    for said in permutations(story):
        assert _told(*said).snapshot().waiting == frozenset(), said


def test_a_correction_is_caused_by_what_bound_the_reference_anew() -> None:
    telling = _told(
        announcement("c1"),
        announcement("c2", 400),
        order("c1", 1, _O1),
        fact(Status.DELIVERED, 480, _O1),
        order("c2", 470, _O1),
    )

    assert _cause(telling, "c1") == ("correction", "ordered", 4)


def test_or_by_what_bound_a_member_through_its_bulk() -> None:
    telling = _told(
        announcement("c1", bulk="b1"),
        announcement("c2"),
        order("c2", 1, _O2),
        fact(Status.SHIPPED, 5, own_id("alpha", "c1"), _O2),
        order(_B1, 1, _O1),
    )

    assert _cause(telling, "c2") == ("correction", "ordered", 4)


def test_or_by_the_announcement_that_made_its_card_a_member() -> None:
    telling = _told(
        announcement("c2"),
        order("c2", 1, _O2),
        order(_B1, 1, _O1),
        fact(Status.SHIPPED, 5, own_id("alpha", "c1"), _O2),
        announcement("c1", bulk="b1"),
    )

    assert _cause(telling, "c2") == ("correction", "ordered", 4)


def _cause(telling: Telling, card_id: str) -> tuple[str, str, int]:
    """What was published last of a card, and the offset of the record that caused it."""
    last = telling.snapshot().journeys()[card_id][-1]
    return last["change"], last["fulfillment_status"], last["cause"]["offset"]

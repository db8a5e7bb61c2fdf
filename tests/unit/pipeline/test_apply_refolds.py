"""A binding that comes late changes whom stored facts are about: both sides are told anew."""

from collections.abc import Iterable
from itertools import permutations

import pytest

import oracle_whom
from agreement import ALERTS, Telling, assert_agrees
from builders import announcement, box_no, fact, order, order_no, own_id, sent, waybill
from card_fulfillment.compiled import COMPILED
from card_fulfillment.domain import bindings
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Attribute, Statement
from card_fulfillment.domain.naming import bulk_issuance
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.envelope import RefusalReason

_O1, _O2, _W = order_no("o1"), order_no("o2"), waybill("w")


def _told(*statements: Statement) -> Telling:
    telling = _taken(statements)
    assert_agrees(telling.snapshot(), telling.witness.told)
    return telling


def _taken(statements: Iterable[Statement]) -> Telling:
    """One statement a batch."""
    telling = Telling()
    for each in statements:
        telling.take([sent(each)])
    return telling


def _changes(telling: Telling, card_id: str) -> list[tuple[str, str, int]]:
    events = telling.snapshot().journeys()[card_id]
    return [(e["change"], e["fulfillment_status"], e["attempt"]) for e in events]


_CREATED, _ORDERED = ("progress", "created", 1), ("progress", "ordered", 1)


def test_a_number_given_out_again_takes_the_facts_of_its_new_time_with_it() -> None:
    telling = _told(
        announcement("c1"),
        announcement("c2", 400),
        order("c1", 1, _O1),
        fact(Status.SHIPPED, 10, _O1),
        fact(Status.DELIVERED, 480, _O1),
        order("c2", 470, _O1),
    )

    assert _changes(telling, "c1") == [
        _CREATED,
        _ORDERED,
        ("progress", "shipped", 1),
        ("progress", "delivered", 1),
        ("correction", "shipped", 1),
    ]
    assert _changes(telling, "c2") == [_CREATED, _ORDERED, ("correction", "delivered", 1)]
    corrected = telling.snapshot().journeys()["c1"]
    assert corrected[-1]["supersedes"] == corrected[-2]["event_id"]


def test_a_second_card_of_a_letter_gets_what_was_said_before_it_was_bound() -> None:
    telling = _told(
        announcement("c1"),
        announcement("c2"),
        order("c1", 1, _O1),
        fact(Status.SHIPPED, 10, _O1),
        order("c2", 2, _O1),
    )

    told = [_CREATED, _ORDERED, ("progress", "shipped", 1)]
    assert _changes(telling, "c1") == told
    assert _changes(telling, "c2") == told  # nothing that was told of it was wrong


def test_a_reorder_that_comes_late_takes_the_later_facts_into_its_attempt() -> None:
    telling = _told(
        announcement("c1"),
        order("c1", 1, _O1),
        fact(Status.RETURNED, 50, _O1),
        fact(Status.SHIPPED, 120, _O1, attributes={Attribute.TRACKING_NUMBER: "N"}),
        order("c1", 100, _O1, attempt=2),
    )

    events = telling.snapshot().journeys()["c1"]
    assert _changes(telling, "c1") == [
        _CREATED,
        _ORDERED,
        ("progress", "returned", 1),
        ("update", "returned", 1),
        ("reissue", "ordered", 2),
        ("correction", "shipped", 2),
    ]
    assert events[-1]["shipment"]["tracking_number"] == "N"


def test_what_a_fact_names_moves_with_it() -> None:
    telling = _told(
        announcement("c1"),
        announcement("c2", 400),
        order("c1", 1, _O1),
        fact(Status.SHIPPED, 480, _O1, names=[_W]),
        fact(Status.DELIVERED, 490, _W),
        order("c2", 470, _O1),
    )

    assert telling.snapshot().statuses()["c2"][-1] == "delivered"
    assert telling.snapshot().statuses()["c1"][-1] == "ordered"


def test_references_that_come_to_contradict_each_other_hold_the_fact() -> None:
    telling = _told(
        announcement("c1"),
        announcement("c2"),
        order("c1", 1, _O1),
        fact(Status.SHIPPED, 10, _O1, _O2),
        order("c2", 2, _O2),
    )

    assert _changes(telling, "c1")[-1] == ("correction", "ordered", 1)
    assert telling.snapshot().statuses()["c2"] == ["created", "ordered"]
    assert telling.snapshot().dead_letters == [RefusalReason.REFERENCE_CONFLICT]


def test_a_held_fact_is_placed_once_its_references_agree() -> None:
    telling = _told(
        announcement("c1"),
        announcement("c2"),
        order("c1", 1, _O1),
        order("c2", 2, _O2),
        fact(Status.SHIPPED, 10, _O1, _O2),
        order("c1", 3, _O2),
    )

    assert telling.snapshot().statuses()["c1"] == ["created", "ordered", "shipped"]
    assert telling.snapshot().statuses()["c2"] == ["created", "ordered"]


def test_a_newer_binding_decides_between_references_that_name_different_attempts() -> None:
    telling = _told(
        announcement("c1"),
        order("c1", 1, _O1),
        order("c1", 110, attempt=3, vendor="beta"),
        fact(Status.ACCEPTED, 110, _O1, names=[_W]),
        fact(Status.LOST, 122, _W, own_id("beta", "c1"), precision=Precision.UNKNOWN),
        fact(Status.PRODUCED, 115, _O1, names=[_W]),
    )

    lost = telling.snapshot().cards["c1"].journey.published
    assert lost is not None
    assert (lost.attempt, lost.status) == (3, Status.ORDERED)


def test_before_the_announcement_too() -> None:
    telling = _told(
        order("c1", 1, _O1),
        order("c1", 110, attempt=3, vendor="beta"),
        fact(Status.ACCEPTED, 110, _O1, names=[_W]),
        fact(Status.LOST, 122, _W, own_id("beta", "c1")),
        fact(Status.PRODUCED, 115, _O1, names=[_W]),
        announcement("c1"),
    )

    assert telling.snapshot().statuses() == {
        "c1": ["created", "ordered", "accepted", "produced", "lost", "ordered"]
    }


def test_a_fact_that_names_a_card_of_another_vendor_waits_and_is_told_of_at_once() -> None:
    telling = _told(
        announcement("c1"), order("c1", 1, _O1), fact(Status.SHIPPED, 5, own_id("beta", "c1"))
    )

    assert set(telling.snapshot().dead_letters) == {RefusalReason.VENDOR_MISMATCH} <= ALERTS
    telling.take([sent(order("c1", 2, vendor="beta"))])
    assert telling.snapshot().statuses()["c1"] == ["created", "ordered", "shipped"]


def test_so_does_one_that_came_before_the_order_of_the_other_vendor() -> None:
    telling = _told(announcement("c1"), fact(Status.SHIPPED, 5, own_id("beta", "c1")))
    assert telling.snapshot().dead_letters == []  # beta's order may be on its way

    telling.take([sent(order("c1", 1, _O1))])
    assert telling.snapshot().dead_letters == [RefusalReason.VENDOR_MISMATCH]

    telling.take([sent(order("c1", 2, order_no("o3"), attempt=2))])
    assert telling.snapshot().dead_letters == [RefusalReason.VENDOR_MISMATCH]  # once


def test_one_that_names_a_bulk_issuance_of_another_vendor_is_told_of_too() -> None:
    stated = fact(Status.SHIPPED, 5, own_id("beta", "b1"))
    ordered = order(bulk_issuance("b1"), 1, _O1)
    stories: list[list[Statement]] = [[ordered, stated], [stated, ordered]]
    for story in stories:
        assert _told(*story).snapshot().dead_letters == [RefusalReason.VENDOR_MISMATCH]


def test_and_one_that_names_a_member_of_it_that_is_announced_at_last() -> None:
    stated = fact(Status.SHIPPED, 5, own_id("beta", "c1"))
    ordered, announced = order(bulk_issuance("b1"), 1, _O1), announcement("c1", bulk="b1")
    statements: list[Statement] = [ordered, stated, announced]
    for story in permutations(statements):
        assert _taken(story).snapshot().dead_letters == [RefusalReason.VENDOR_MISMATCH], story


def test_one_of_the_vendor_that_was_ordered_is_not_however_late_it_is() -> None:
    much_later = fact(Status.RETURNED, 24 * 365, own_id("beta", "c1"))
    telling = _told(announcement("c1"), order("c1", 1, _O1, vendor="beta"), much_later)

    assert telling.snapshot().dead_letters == []


def test_a_fact_that_goes_from_parked_to_held_is_told_of_once() -> None:
    telling = _told(announcement("c1"), announcement("c2"), fact(Status.SHIPPED, 5, _O1, _O2))
    assert telling.snapshot().dead_letters == []

    telling.take([sent(order("c1", 1, _O1)), sent(order("c2", 1, _O2))])
    telling.take([sent(order("c2", 2, _O2))])

    assert [letter["reason"] for _, letter in telling.snapshot().letters()] == [
        "reference_conflict"
    ]


@pytest.mark.skipif(COMPILED, reason="the number is compiled in")
def test_what_is_found_by_a_reference_of_too_many_cards_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last order takes it from all who had it, and the next ones disturb nobody."""
    monkeypatch.setattr(bindings, "MOST_SUBJECTS", 3)
    monkeypatch.setattr(oracle_whom, "_TOO_MANY", 3)
    cards = [f"c{n}" for n in range(5)]
    telling = Telling()
    telling.take([sent(announcement(each)) for each in cards])
    telling.take([sent(order(each, 1, _O1)) for each in cards[:-2]])
    telling.take([sent(fact(Status.SHIPPED, 5, _O1))])
    assert _changes(telling, "c0")[-1] == ("progress", "shipped", 1)

    telling.take([sent(order(cards[-2], 1, _O1))])
    telling.take([sent(order(cards[-1], 1, _O1))])

    assert {tuple(_changes(telling, each)[-1]) for each in cards[:-2]} == {
        ("correction", "ordered", 1)
    }
    assert _changes(telling, cards[-1]) == [_CREATED, _ORDERED]
    assert telling.snapshot().dead_letters == [RefusalReason.REFERENCE_CONFLICT]


def test_a_name_is_bound_to_a_member_too_by_a_fact_that_comes_with_its_announcement() -> None:
    """Only with that does it mean the member, and so does what is found by its name."""
    bulk, box = bulk_issuance("b1"), box_no("y")
    found = fact(Status.ACCEPTED, 1, box)
    telling = Telling()
    telling.take(
        [
            sent(announcement("c1", bulk="b1")),
            sent(order(bulk, 1, _O1)),
            sent(fact(Status.IN_PRODUCTION, 2, own_id("alpha", "b1"), names=[box])),
            sent(found),
        ]
    )
    told = fact(Status.PRODUCED, 9, own_id("issuer", "m3"), _O1, names=[box])
    telling.take([sent(announcement("m3", 5, bulk="b1")), sent(told)])

    snapshot = telling.settle().snapshot()

    assert {s.id for s in snapshot.facts[found.fact_id].places} == {"b1", "m3"}
    assert_agrees(snapshot, telling.witness.told)


def test_a_member_gains_something_of_its_own_while_its_bulk_loses_all() -> None:
    """It goes back to its announcement, though nothing else was about itself until then."""
    telling = _taken(
        [
            announcement("c1", bulk="b1"),
            announcement("c2"),
            fact(None, 0, own_id("issuer", "b1"), names=[_W]),
            fact(Status.DELIVERED, 192, _W),
        ]
    ).settle()
    carrier = {Attribute.CARRIER: "p"}
    told = fact(None, 192, own_id("issuer", "c1"), attributes=carrier)
    telling.take([sent(order("c2", 216, _W)), sent(told)])

    snapshot = telling.settle().snapshot()

    assert snapshot.statuses()["c1"] == ["created", "delivered", "created"]
    assert_agrees(snapshot, telling.witness.told)

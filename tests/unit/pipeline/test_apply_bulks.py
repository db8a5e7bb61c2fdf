"""Bulk issuances by example: stories that were hard to get right, told one statement a batch."""

from typing import Any

from agreement import Telling, assert_agrees, run, told_one_by_one
from builders import (
    NOW,
    announcement,
    box_no,
    fact,
    order,
    order_no,
    own_id,
    publishing,
    sent,
    sized,
    waybill,
)
from card_fulfillment.domain.facts import Attribute, Fact, ParcelRole
from card_fulfillment.domain.naming import Subject, SubjectKind, bulk_issuance, card
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.pipeline.fan_out import FanOut

_B1 = bulk_issuance("b1")
_O1, _X, _W = order_no("o1"), box_no("x"), waybill("w")


def _last(telling: Telling, card_id: str) -> tuple[str, int]:
    event = telling.snapshot().journeys()[card_id][-1]
    return event["fulfillment_status"], event["attempt"]


def test_a_parcel_named_below_what_names_it_is_none_of_the_bulk() -> None:
    telling = told_one_by_one(
        announcement("c1", bulk="b1", serial=1),
        order(_B1, 1, _O1),
        fact(Status.IN_TRANSIT, 9, _O1, _W, names=[_X]),
    )

    events = telling.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"]
    assert events[-1]["parcels"] == []


def test_a_member_ordered_by_name_takes_what_was_found_through_its_bulk() -> None:
    telling = told_one_by_one(
        sized(announcement("c1", bulk="b1", serial=1), 1),
        order(_B1, 96),
        fact(Status.SHIPPED, 24, own_id("alpha", "c1")),
        order("c1", 41, attempt=2),
    )

    assert _last(telling, "c1") == (Status.SHIPPED, 2)


def test_the_issuers_name_of_a_card_is_not_taken_for_a_bulks_where_a_vendor_names_it_too() -> None:
    telling = told_one_by_one(
        fact(Status.REJECTED, 0, own_id("issuer", "c1")),
        fact(Status.RETURNED, 90, own_id("alpha", "c1")),
        order(_B1, 30),
        announcement("c1", bulk="b1", serial=3),
    )

    assert _last(telling, "c1") == (Status.RETURNED, 1)


def test_serials_given_to_a_parcel_later_bring_what_was_said_of_it_before() -> None:
    telling = told_one_by_one(
        announcement("c1", bulk="b1", serial=1),
        announcement("c3", bulk="b1", serial=3),
        order(_B1, 1, _O1),
        fact(Status.PRODUCED, 5, _O1, names=[_X], serials=(1, 2)),
        fact(Status.PRODUCED, 5, _O1, names=[_W], carton=(1, 2)),
        fact(Status.DELIVERED, 20, _W),
        fact(Status.SHIPPED, 10, _X, names=[_W]),
    )

    assert _last(telling, "c1") == (Status.DELIVERED, 1)
    assert _last(telling, "c3") == (Status.DELIVERED, 1)


def test_a_parcel_named_again_decides_between_attempts_of_a_bulk_and_of_its_member() -> None:
    o2 = order_no("o2")
    telling = told_one_by_one(
        announcement("c1", bulk="b1", serial=1),
        announcement("c2", bulk="b1", serial=2),
        order(_B1, 1, _O1),
        order("c1", 10, o2, attempt=2),
        fact(Status.PRODUCED, 5, _O1, names=[_W]),
        scan := fact(Status.SHIPPED, 30, _W, o2),
        fact(Status.PRODUCED, 20, _O1, names=[_W]),
    )

    assert _attempts_of(telling, scan) == {card("c1"): 1}


def test_a_parcel_named_again_decides_between_attempts_that_no_member_has_yet() -> None:
    o2 = order_no("o2")
    scan = fact(Status.SHIPPED, 30, _W, o2)
    telling = Telling()
    for each in (
        announcement("c1", bulk="b1", serial=1),
        order(_B1, 1, _O1),
        order(_B1, 10, o2, attempt=2),
        fact(Status.PRODUCED, 5, _O1, names=[_W]),
        scan,
        fact(Status.PRODUCED, 20, _O1, names=[_W]),
    ):
        telling.take([sent(each)])  # and the fan-out does not come

    assert _attempts_of(telling, scan) == {_B1: 1}


def test_a_parcel_of_a_member_named_again_decides_between_its_attempts_and_its_bulks() -> None:
    o2 = order_no("o2")
    telling = told_one_by_one(
        announcement("c1", bulk="b1", serial=1),
        order("c1", 1, o2),
        order(_B1, 10, _O1, attempt=2),
        fact(Status.PRODUCED, 5, o2, names=[_W]),
        scan := fact(None, 30, _W, _O1),
        fact(Status.PRODUCED, 20, o2, names=[_W]),
    )

    assert _attempts_of(telling, scan) == {card("c1"): 1}


def test_the_number_of_a_parcel_that_comes_back_is_not_taken_for_the_shipments() -> None:
    number = Attribute.TRACKING_NUMBER
    telling = told_one_by_one(
        announcement("c1", bulk="b1", serial=1),
        order(_B1, 1, _O1),
        fact(Status.SHIPPED, 5, _O1, attributes={number: "there"}),
        fact(Status.RETURNING, 9, _O1, attributes={number: "back"}, parcel_role=ParcelRole.RETURN),
    )

    last = telling.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"][-1]
    assert (last["fulfillment_status"], last["shipment"]["tracking_number"]) == (
        Status.RETURNING,
        "there",
    )


def test_a_bulk_is_told_to_be_where_it_is_because_of_a_member_that_came_there() -> None:
    """Whatever else the batch brings: the reason is that of the status."""
    telling = told_one_by_one(
        announcement("c1", bulk="b1", serial=1),
        announcement("c2", bulk="b1", serial=2),
        order(_B1, 1, _O1),
        order("c1", 1, _X),
        order("c2", 1, _W),
    )
    why = Reason.BAD_ADDRESS
    telling.take(
        [
            sent(fact(Status.DELIVERED, 9, _X)),
            sent(fact(Status.DELIVERY_EXCEPTION, 8, _W, reason=why)),
        ]
    )

    last = telling.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"][-1]
    assert (last["fulfillment_status"], last["reason_code"]) == (Status.DELIVERY_EXCEPTION, why)


def test_that_nothing_more_is_expected_of_a_bulk_is_told_by_itself() -> None:
    telling = told_one_by_one(
        announcement("c1", bulk="b1", serial=1),
        order(_B1, 1, _O1),
        fact(Status.SHIPPED, 5, _O1),
        fact(None, 6, _O1, attributes={Attribute.TRACKED: False}),
        fact(None, 7, _O1, attributes={Attribute.TRACKED: True}),
    )

    events = telling.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"]
    assert [(e["fulfillment_status"], e["change"], e["final"]) for e in events[-3:]] == [
        (Status.SHIPPED, "progress", False),
        (Status.SHIPPED, "update", True),
        (Status.SHIPPED, "update", False),
    ]


def test_a_serial_that_a_card_has_already_is_told_of_when_another_is_announced_with_it() -> None:
    telling = told_one_by_one(
        announcement("c1", bulk="b1", serial=1),
        announcement("c2", bulk="b1", serial=2),
        announcement("c3", bulk="b1", serial=2),
        announcement("c4", bulk="b1", serial=1),
    )

    last = telling.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"][-1]
    (found,) = last["discrepancies"]
    assert (found["name"], found["serials"]) == ("serial_taken_twice", [[1, 2]])


def _attempts_of(telling: Telling, stated: Fact) -> dict[Subject, int]:
    places = telling.snapshot().facts[stated.fact_id].places
    return {subject: place.attempt for subject, place in places.items()}


def test_what_is_said_of_a_parcel_and_not_told_publishes_nothing() -> None:
    told = (
        sized(announcement("c1", bulk="b1", serial=1), 1),
        order(_B1, 1, _O1),
        fact(Status.SHIPPED, 9, _O1, names=[_X]),
    )
    kept = fact(None, 10, _X, attributes={Attribute.ESTIMATED_DELIVERY: "2026-03-04"})

    before, after = (
        told_one_by_one(*each).snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"]
        for each in (told, (*told, kept))
    )

    assert len(after) == len(before)


def test_members_of_many_chunks_are_folded_anew_where_a_fact_changes_its_attempt() -> None:
    """Each chunk finds under the locks that it needs the histories, and tries again."""
    telling = Telling()
    members = [announcement(f"c{n:02}", bulk="b1", serial=n) for n in range(1, 41)]
    telling.take([sent(each) for each in members])
    telling.take([sent(order(_B1, 1, _O1)), sent(fact(Status.PRODUCED, 9, _O1))])
    fan_out = FanOut(telling.store.transaction, publishing(), most=3)
    while run(fan_out.spread(NOW)):
        pass

    telling.take([sent(order(_B1, 5, _O1, attempt=2))])
    chunks = 0
    while run(fan_out.spread(NOW)):
        chunks += 1

    assert chunks <= 16
    assert {_last(telling, each.card.card_id) for each in members} == {("produced", 2)}


def test_a_member_that_is_touched_before_the_fan_out_keeps_what_is_its_own() -> None:
    """Its bulk lost all to another card: the member folds what is left, and what it had itself."""
    o2 = order_no("o2")
    telling = told_one_by_one(
        announcement("c1", bulk="b1", serial=1),
        announcement("z", 400),
        order(_B1, 1, _O1),
        order("c1", 1, o2),
        fact(Status.PRODUCED, 9, o2),
        fact(Status.DELIVERED, 480, _O1),
    )
    telling.take([sent(order("z", 470, _O1))])
    telling.take([sent(fact(None, 11, o2, attributes={Attribute.CARRIER: "q"}))])

    assert _last(telling, "c1") == (Status.PRODUCED, 1)
    assert_agrees(telling.settle().snapshot(), telling.witness.told)


def _shortages(*lines: Fact) -> list[str]:
    members = [sized(announcement(f"c{n}", bulk="b1", serial=n), 3) for n in (1, 2, 3)]
    telling = told_one_by_one(*members, order(_B1, 1, _O1), *lines)
    last = telling.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"][-1]
    return [found["name"] for found in last["discrepancies"]]


def test_what_has_not_left_its_vendor_yet_is_no_short_shipment() -> None:
    first: dict[str, Any] = {"names": [_X], "serials": (1, 2), "carton": (1, 2)}
    second: dict[str, Any] = {"names": [_W], "serials": (3, 3), "carton": (2, 2)}

    assert (
        _shortages(fact(Status.PRODUCED, 5, _O1, names=[_X], serials=(1, 3), carton=(1, 1))) == []
    )
    assert (
        _shortages(
            fact(Status.PRODUCED, 5, _O1, **first),
            fact(Status.PRODUCED, 5, _O1, **second),
            fact(Status.SHIPPED, 9, _O1, **first),
        )
        == []
    )


def test_cartons_whose_serials_were_not_told_are_no_short_shipment() -> None:
    assert _shortages(fact(Status.SHIPPED, 5, _O1, names=[_X], carton=(1, 1))) == []
    assert (
        _shortages(
            fact(Status.SHIPPED, 5, _O1, names=[_X], carton=(1, 2), serials=(1, 2)),
            fact(Status.SHIPPED, 5, _O1, names=[_W], carton=(2, 2)),
        )
        == []
    )


def test_cartons_that_all_left_without_some_of_the_cards_are_a_short_shipment() -> None:
    assert _shortages(
        fact(Status.SHIPPED, 5, _O1, names=[_X], carton=(1, 2), serials=(1, 1)),
        fact(Status.SHIPPED, 5, _O1, names=[_W], carton=(2, 2), serials=(2, 2)),
    ) == ["short_shipment"]

"""Bulk issuances by example: stories that were hard to get right, told one statement a batch."""

from agreement import Telling, assert_agrees
from builders import announcement, box_no, fact, order, order_no, own_id, sent, sized, waybill
from card_fulfillment.domain.facts import Statement, SubjectKind, bulk_issuance
from card_fulfillment.domain.status import Status

_B1 = bulk_issuance("b1")
_O1, _X, _W = order_no("o1"), box_no("x"), waybill("w")


def _told(*statements: Statement) -> Telling:
    telling = Telling()
    for each in statements:
        telling.take([sent(each)])
        telling.settle()
        assert_agrees(telling.snapshot(), telling.witness.told)
    return telling


def _last(telling: Telling, card_id: str) -> tuple[str, int]:
    event = telling.snapshot().journeys()[card_id][-1]
    return event["fulfillment_status"], event["attempt"]


def test_a_parcel_named_below_what_names_it_is_none_of_the_bulk() -> None:
    telling = _told(
        announcement("c1", bulk="b1", serial=1),
        order(_B1, 1, _O1),
        fact(Status.IN_TRANSIT, 9, _O1, _W, names=[_X]),
    )

    events = telling.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"]
    assert events[-1]["parcels"] == []


def test_a_member_ordered_by_name_takes_what_was_found_through_its_bulk() -> None:
    telling = _told(
        sized(announcement("c1", bulk="b1", serial=1), 1),
        order(_B1, 96),
        fact(Status.SHIPPED, 24, own_id("alpha", "c1")),
        order("c1", 41, attempt=2),
    )

    assert _last(telling, "c1") == (Status.SHIPPED, 2)


def test_the_issuers_name_of_a_card_is_not_taken_for_a_bulks_where_a_vendor_names_it_too() -> None:
    telling = _told(
        fact(Status.REJECTED, 0, own_id("issuer", "c1")),
        fact(Status.RETURNED, 90, own_id("alpha", "c1")),
        order(_B1, 30),
        announcement("c1", bulk="b1", serial=3),
    )

    assert _last(telling, "c1") == (Status.RETURNED, 1)

"""What the schemas say of fields that subscribers act on, and that it is so."""

from typing import Any

import pytest

from agreement import Telling
from builders import announcement, box_no, fact, order, order_no, sent, sized, waybill
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.discrepancies import DiscrepancyName
from card_fulfillment.domain.facts import Attribute, Attributes, ParcelRole, Statement
from card_fulfillment.domain.journey import ChangeKind
from card_fulfillment.domain.naming import SubjectKind, bulk_issuance
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.messages.asyncapi import HEADERS
from card_fulfillment.messages.bulk_event import BULK_EVENT
from card_fulfillment.messages.card_event import CARD_EVENT
from card_fulfillment.messages.schema import schemas

_O1 = order_no("o1")
_CARD, _BULK = schemas()[CARD_EVENT], schemas()[BULK_EVENT]


def _told(kind: SubjectKind, subject: str, *statements: Statement) -> list[dict[str, Any]]:
    """What is published of it; each statement comes on a topic of its own."""
    telling = Telling()
    for number, each in enumerate(statements):
        telling.take([sent(each, topic=str(number))])
        telling.settle()
    return telling.snapshot().journeys(kind)[subject]


def _told_of_card(*statements: Statement) -> list[dict[str, Any]]:
    return _told(SubjectKind.CARD, "c1", announcement("c1"), *statements)


@pytest.mark.parametrize(
    ("schema", "definition", "values"),
    [
        (_CARD, "ChangeKind", ChangeKind),
        (_BULK, "ChangeKind", ChangeKind),
        (_CARD, "Precision", Precision),
        (_BULK, "Precision", Precision),
        (_BULK, "DiscrepancyFound", DiscrepancyName),
    ],
)
def test_words_that_do_not_explain_themselves_are_explained(
    schema: dict[str, Any], definition: str, values: type[ChangeKind | Precision | DiscrepancyName]
) -> None:
    lines = schema["$defs"][definition]["description"].splitlines()
    explained = {line.partition(": ")[0] for line in lines if ": " in line}
    assert {each.value for each in values} <= explained


def test_an_update_has_the_times_of_the_status_and_the_place_of_what_it_comes_with() -> None:
    number = {Attribute.TRACKING_NUMBER: "N"}
    events = _told_of_card(
        order("c1", 1, _O1),
        fact(Status.SHIPPED, 5, _O1, received=6),
        fact(None, 8, _O1, received=9, attributes=number),
    )

    *_, shipped, update = events
    assert (update["change"], update["cause"]["topic"]) == ("update", "3")
    assert update["previous_fulfillment_status"] == shipped["fulfillment_status"]
    for name in ("occurred_at", "received_at"):
        assert update[name] == shipped[name]
    says = _CARD["properties"]["received_at"]["description"]
    assert says == "The timestamp of the record that stated the status."


def test_an_estimate_and_a_pin_letter_alone_come_with_the_next_version() -> None:
    letter = {Attribute.TRACKING_NUMBER: "P"}
    events = _told_of_card(
        order("c1", 1, _O1),
        fact(None, 5, _O1, attributes={Attribute.ESTIMATED_DELIVERY: "2026-03-12"}),
        fact(None, 5, _O1, attributes=letter, parcel_role=ParcelRole.PIN),
        fact(Status.PRODUCED, 6, _O1),
    )

    assert [e["fulfillment_status"] for e in events] == ["created", "ordered", "produced"]
    assert events[-1]["shipment"]["estimated_delivery"] == "2026-03-12"
    assert [each["role"] for each in events[-1]["parcels"]] == ["outbound", "pin"]
    for name, says in (("Shipment", "with the next one"), ("Parcel", "with the next version")):
        assert says in _CARD["$defs"][name]["description"]


def test_a_reason_alone_is_told_of_the_cards_and_not_of_their_bulk() -> None:
    said: list[Statement] = [
        announcement("c1", bulk="b1"),
        order(bulk_issuance("b1"), 1, _O1),
        fact(Status.DELIVERY_EXCEPTION, 5, _O1),
        fact(Status.DELIVERY_EXCEPTION, 6, _O1, reason=Reason.BAD_ADDRESS),
    ]
    last = [_told(SubjectKind.CARD, "c1", *said), _told(SubjectKind.BULK_ISSUANCE, "b1", *said)]
    assert [events[-1]["reason_code"] for events in last] == ["bad_address", None]
    assert "the reason alone" in _BULK["properties"]["reason_code"]["description"]


def test_a_box_is_told_under_each_of_its_references() -> None:
    boxes = [box_no("x"), waybill("a")]
    *_, last = _told(
        SubjectKind.BULK_ISSUANCE,
        "b1",
        announcement("c1", bulk="b1"),
        order(bulk_issuance("b1"), 1, _O1),
        fact(Status.SHIPPED, 5, _O1, names=boxes),
    )
    told = [(each["vendor"], each["reference"]) for each in last["parcels"]]
    assert told == [("alpha", "x"), ("courier", "a")]
    assert "under each of them" in _BULK["$defs"]["BulkParcel"]["description"]
    assert "in the order of vendors" in _BULK["properties"]["parcels"]["description"]


_MAIL: Attributes = {Attribute.TRACKED: False}


@pytest.mark.parametrize(
    ("after", "then", "change"),
    [
        (Status.DELIVERED, Status.LOST, "correction"),
        (Status.DELIVERY_FAILED, Status.DELIVERED, "regression"),
        (Status.REJECTED, Status.ACCEPTED, "regression"),
        (Status.SHIPPED, Status.IN_TRANSIT, "progress"),
    ],
)
def test_what_comes_after_the_end_is_not_always_a_correction(
    after: Status, then: Status, change: str
) -> None:
    events = _told_of_card(
        order("c1", 1, _O1, attributes=_MAIL),
        fact(after, 5, _O1),
        fact(then, 6, _O1),
    )
    assert (events[-2]["final"], events[-1]["change"]) == (True, change)
    assert "any change" in _CARD["properties"]["final"]["description"]


def test_the_vendor_of_an_order_is_the_one_that_is_ordered() -> None:
    *_, ordered = _told_of_card(order("c1", 1, vendor="alpha"))
    assert ordered["vendor"] == {"id": "alpha", "code": None, "text": None}
    assert "`ordered`" in _CARD["$defs"]["VendorSaid"]["description"]


def test_a_wrong_count_is_not_taken_back_by_a_right_one() -> None:
    counts = [fact(Status.PRODUCED, 5 + n, _O1, quantity=n) for n in (1, 2)]
    first = sized(announcement("c1", bulk="b1"), 2)
    *_, last = _told(
        SubjectKind.BULK_ISSUANCE,
        "b1",
        first,
        announcement("c2", bulk="b1"),
        order(bulk_issuance("b1"), 1, _O1),
        *counts,
    )
    assert [(d["name"], d["reported"]) for d in last["discrepancies"]] == [("total_mismatch", [1])]
    says = _BULK["$defs"]["DiscrepancyFound"]["description"]
    assert "does not take back the wrong one" in " ".join(says.split())


def test_a_lane_is_told_to_be_another_number_than_kafkas() -> None:
    """Lanes of all output topics are numbered together: that of the first partition is 1."""
    assert "not Kafka's" in HEADERS["lane"]

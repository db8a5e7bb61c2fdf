"""Names of parcels beside the outbound one: of bulk issuances, and where stored facts move."""

from typing import Any

import pytest

from agreement import told_one_by_one
from builders import altered, announcement, box_no, fact, order, order_no, waybill
from card_fulfillment.domain.facts import Attribute, Fact, ParcelRole, Statement
from card_fulfillment.domain.naming import SubjectKind, bulk_issuance
from card_fulfillment.domain.status import Status

_O1, _BOX, _X = order_no("o1"), box_no("x", "hub"), waybill("w")
_PIN, _BACK = ParcelRole.PIN, ParcelRole.RETURN
_NUMBER = {Attribute.TRACKING_NUMBER: "N"}
_SHIPPED = fact(Status.SHIPPED, 2, _O1)


def _card(*statements: Statement) -> list[dict[str, Any]]:
    telling = told_one_by_one(announcement("c1"), order("c1", 1, _O1), _SHIPPED, *statements)
    return telling.snapshot().journeys()["c1"]


def _named(role: ParcelRole, **said: Any) -> Fact:  # noqa: ANN401 - any field of a fact
    return fact(None, 3, _O1, names=[_X], parcel_role=role, **said)


def test_what_the_card_was_told_by_a_pin_letters_number_is_corrected_once_that_is_named() -> None:
    *_, before, after = _card(fact(Status.DELIVERED, 5, _O1, _X), _named(_PIN))
    assert (after["fulfillment_status"], after["change"]) == ("shipped", "correction")
    assert after["supersedes"] == before["event_id"]
    assert [(p["role"], p["status"]) for p in after["parcels"]] == [
        ("outbound", "shipped"),
        ("pin", "delivered"),
    ]


def test_a_card_that_is_folded_anew_keeps_what_is_of_its_pin_letter_apart() -> None:
    made = fact(Status.PRODUCED, 20, _O1)
    scan = fact(Status.DELIVERED, 5, _X, attributes=_NUMBER)
    last = _card(_named(_PIN), scan, made, order("c1", 15, _O1, attempt=2))[-1]
    assert (last["fulfillment_status"], last["attempt"]) == ("produced", 2)
    assert last["shipment"]["tracking_number"] is None
    assert [(p["role"], p["status"]) for p in last["parcels"]] == [
        ("outbound", "produced"),
        ("pin", "delivered"),
    ]


def test_a_number_that_an_order_gives_out_is_the_cards_whatever_it_was_called_before() -> None:
    again = order("c1", 1, _X, event_id="again")
    assert [
        _card(_named(_PIN), fact(Status.DELIVERED, 5, _X), *more)[-1]["fulfillment_status"]
        for more in ([], [again])
    ] == ["shipped", "delivered"]


def test_a_returns_number_that_turns_out_to_be_a_pin_letters_moves_nothing() -> None:
    box = fact(None, 3, _O1, names=[_BOX], parcel_role=_BACK)
    letter = fact(None, 4, _BOX, names=[_X], parcel_role=_PIN, vendor="hub")
    known = [_named(_BACK), box, fact(Status.RETURNED, 9, _X)]
    assert [_card(*known, *more)[-1]["fulfillment_status"] for more in ([], [letter])] == [
        "returned",
        "shipped",
    ]


@pytest.mark.parametrize("role", [_PIN, _BACK])
def test_a_box_of_other_parcels_moves_no_member_and_is_listed_with_each(role: ParcelRole) -> None:
    members = [announcement(f"c{n}", bulk="b1", serial=n) for n in (1, 2)]
    box = _named(role, serials=(1, 1))
    scan = fact(Status.DELIVERED, 5, _X, attributes=_NUMBER)
    known: list[Statement] = [*members, order(bulk_issuance("b1"), 1, _O1), _SHIPPED]
    for said in ([box, scan], [scan, box]):
        telling = told_one_by_one(*known, *said, fact(Status.IN_TRANSIT, 6, _O1))
        one, other = (told[-1] for _, told in sorted(telling.snapshot().journeys().items()))
        assert one["fulfillment_status"] == other["fulfillment_status"] == "in_transit"
        assert one["shipment"]["tracking_number"] is None
        assert [(p["role"], p["tracking_number"], p["status"]) for p in one["parcels"]] == [
            ("outbound", None, "in_transit"),
            (role, "N", "delivered"),
        ]
        assert other["parcels"] == []


def test_what_is_said_of_a_whole_bulk_by_a_pin_letters_number_is_not_its_shipment() -> None:
    letter = _named(_PIN)
    whole = altered(fact(Status.DELIVERED, 5, _X, attributes=_NUMBER), parcels=())
    ordered = order(bulk_issuance("b1"), 1, _O1)
    member = announcement("c1", bulk="b1", serial=1)
    telling = told_one_by_one(member, ordered, letter, whole, _SHIPPED)
    last = telling.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"][-1]
    assert (last["fulfillment_status"], last["shipment"]["tracking_number"]) == ("shipped", None)


def test_a_box_of_a_bulk_has_the_role_that_it_was_called_until_it_is_called_the_outbound_one() -> (
    None
):
    member, ordered = announcement("c1", bulk="b1", serial=1), order(bulk_issuance("b1"), 1, _O1)
    scan, line = fact(Status.RETURNED, 5, _X), fact(None, 6, _O1, names=[_X], serials=(1, 1))
    told = told_one_by_one(member, ordered, _SHIPPED, _named(_BACK, serials=(1, 1)), scan, line)
    events = told.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"]
    boxes = ((box["role"], box["status"]) for event in events for box in event["parcels"])
    assert list(dict.fromkeys(boxes)) == [
        (_BACK, None),
        (_BACK, "returned"),
        ("outbound", "returned"),
    ]

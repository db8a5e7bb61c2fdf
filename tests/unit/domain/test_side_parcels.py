"""Parcels beside the one that brings the card: the letter with its PIN, its way back."""

from collections.abc import Sequence
from itertools import permutations

from agreement import Telling
from builders import announcement, fact, order, order_no, sent, waybill
from card_fulfillment.domain.facts import Attribute, Fact, ParcelRole
from card_fulfillment.domain.status import Status

_O1 = order_no("o1")
_NUMBER = Attribute.TRACKING_NUMBER
_STEPS = [
    fact(Status.SHIPPED, 2, _O1, attributes={_NUMBER: "OUT1"}),
    fact(Status.DELIVERED, 9, _O1, attributes={_NUMBER: "PIN1"}, parcel_role=ParcelRole.PIN),
    fact(Status.RETURNING, 12, _O1, attributes={_NUMBER: "BACK1"}, parcel_role=ParcelRole.RETURN),
]


def _told(facts: Sequence[Fact]) -> Telling:
    telling = Telling()
    telling.take([sent(announcement("c1")), sent(order("c1", 1, _O1, waybill("w1")))])
    for each in facts:
        telling.take([sent(each)])
    return telling


def test_each_has_its_own_number_and_state_in_whatever_order_they_are_told() -> None:
    for facts in permutations(_STEPS):
        told = _told(facts).snapshot()
        card = told.cards["c1"].journey
        assert card.published is not None
        assert (card.published.status, card.published.tracking_number) == ("returning", "OUT1")
        assert {
            role: (p.claim and p.claim.key.status, p.registers[_NUMBER].value)
            for role, p in card.parcels.items()
        } == {ParcelRole.PIN: ("delivered", "PIN1"), ParcelRole.RETURN: ("returning", "BACK1")}


def test_a_pin_letter_does_not_move_the_card_and_is_listed_beside_it() -> None:
    events = _told(_STEPS).snapshot().journeys()["c1"]

    assert [e["fulfillment_status"] for e in events][-2:] == ["shipped", "returning"]
    assert events[-1]["parcels"] == [
        {"role": "outbound", "carrier": None, "tracking_number": "OUT1", "status": "returning"},
        {"role": "pin", "carrier": None, "tracking_number": "PIN1", "status": "delivered"},
        {"role": "return", "carrier": None, "tracking_number": "BACK1", "status": "returning"},
    ]
    assert events[1]["parcels"] == []

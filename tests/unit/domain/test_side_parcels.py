"""Parcels beside the one that brings the card: the letter with its PIN, its way back."""

from collections.abc import Sequence
from itertools import permutations

import pytest

from agreement import Telling, assert_agrees
from builders import altered, announcement, box_no, fact, order, order_no, sent, waybill
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


def test_of_letters_of_two_attempts_the_number_of_one_is_not_told_as_the_others() -> None:
    o2, pin = order_no("o2"), ParcelRole.PIN
    telling = _told(_STEPS[:2])
    telling.take([sent(order("c1", 20, o2, attempt=2))])
    told = []
    for status, each in (
        (Status.ACCEPTED, fact(Status.SHIPPED, 22, o2, parcel_role=pin)),
        (Status.PRODUCED, fact(None, 23, o2, attributes={_NUMBER: "PIN2"}, parcel_role=pin)),
    ):
        telling.take([sent(each), sent(fact(status, 24, o2))])
        letter = telling.snapshot().journeys()["c1"][-1]["parcels"][1]
        told.append((letter["status"], letter["tracking_number"]))
    assert told == [("shipped", None), ("shipped", "PIN2")]


def _journey(*facts: Fact) -> tuple[Status, dict[ParcelRole, Status]]:
    """By facts told in every order: where the card ends, and its other parcels."""
    ends = []
    for order_ in permutations(facts):
        telling = _told(order_)
        assert_agrees(telling.snapshot(), telling.witness.told)
        journey = telling.snapshot().cards["c1"].journey
        assert journey.published is not None
        parcels = {r: p.claim.key.status for r, p in journey.parcels.items() if p.claim}
        ends.append((journey.published.status, parcels))
    assert all(end == ends[0] for end in ends), "it hangs on the order"
    return ends[0]


def _named(role: ParcelRole, at: float = 3, status: Status | None = None) -> Fact:
    """The bureau gives the number of a parcel."""
    return fact(status, at, _O1, names=[waybill("x")], parcel_role=role)


def _scanned(status: Status, at: float) -> Fact:
    """By a courier that knows nothing but the number."""
    return fact(status, at, waybill("x"))


_SHIPPED = fact(Status.SHIPPED, 2, _O1)


def test_a_courier_that_brings_the_pin_letter_has_not_brought_the_card() -> None:
    scans = [_scanned(Status.IN_TRANSIT, 4), _scanned(Status.DELIVERED, 5)]
    assert _journey(_SHIPPED, _named(ParcelRole.PIN), *scans) == (
        Status.SHIPPED,
        {ParcelRole.PIN: Status.DELIVERED},
    )


@pytest.mark.parametrize(
    "said",
    [Status.DELIVERED, Status.DELIVERY_FAILED, Status.OUT_FOR_DELIVERY, Status.IN_TRANSIT],
)
def test_what_is_brought_back_to_the_sender_is_not_brought_to_the_holder(said: Status) -> None:
    back = _named(ParcelRole.RETURN, status=Status.RETURNING)
    assert _journey(_SHIPPED, back, _scanned(said, 9))[0] is Status.RETURNING


@pytest.mark.parametrize("said", [Status.RETURNING, Status.RETURNED, Status.LOST])
def test_a_parcel_on_its_way_back_ends_the_cards_journey_too(said: Status) -> None:
    back = _named(ParcelRole.RETURN)
    assert _journey(_SHIPPED, back, _scanned(said, 9)) == (said, {ParcelRole.RETURN: said})


def test_where_the_replacement_is_there_is_the_card() -> None:
    assert _journey(_SHIPPED, _named(ParcelRole.REPLACEMENT), _scanned(Status.DELIVERED, 5)) == (
        Status.DELIVERED,
        {ParcelRole.REPLACEMENT: Status.DELIVERED},
    )


def test_a_number_under_which_the_card_was_sent_too_is_the_cards() -> None:
    sent_under_it = fact(Status.SHIPPED, 2, _O1, names=[waybill("x")])
    again = _named(ParcelRole.RETURN, at=4)
    assert _journey(sent_under_it, again, _scanned(Status.DELIVERED, 5)) == (Status.DELIVERED, {})


def test_what_such_a_scan_names_is_of_that_parcel_too() -> None:
    piece = waybill("piece")
    scan = fact(Status.IN_TRANSIT, 4, box_no("x", "hub"), names=[piece], vendor="hub")
    letter = fact(None, 3, _O1, names=[box_no("x", "hub")], parcel_role=ParcelRole.PIN)
    delivered = fact(Status.DELIVERED, 5, piece)
    assert _journey(_SHIPPED, letter, scan, delivered) == (
        Status.SHIPPED,
        {ParcelRole.PIN: Status.DELIVERED},
    )


def test_a_name_that_is_no_parcels_is_not_of_the_parcel_that_is_spoken_of() -> None:
    """The bureau's number of a job, in a message about the letter."""
    job = altered(_named(ParcelRole.PIN), parcels=())
    assert _journey(_SHIPPED, job, _scanned(Status.DELIVERED, 5))[0] is Status.DELIVERED


@pytest.mark.parametrize(
    ("known", "told", "end"),
    [
        (ParcelRole.REPLACEMENT, ParcelRole.PIN, Status.SHIPPED),
        (ParcelRole.REPLACEMENT, ParcelRole.RETURN, Status.SHIPPED),
        (ParcelRole.RETURN, ParcelRole.PIN, Status.SHIPPED),
        (ParcelRole.RETURN, ParcelRole.REPLACEMENT, Status.DELIVERED),
        (ParcelRole.PIN, ParcelRole.REPLACEMENT, Status.SHIPPED),
        (ParcelRole.PIN, ParcelRole.RETURN, Status.SHIPPED),
    ],
)
def test_of_which_parcel_a_name_is_says_who_gives_it_also_of_a_parcel_beside_the_outbound_one(
    known: ParcelRole, told: ParcelRole, end: Status
) -> None:
    """A PIN letter that is sent again, or comes back, stays a PIN letter."""
    box, number = box_no("x", "hub"), waybill("piece")
    first = fact(None, 3, _O1, names=[box], parcel_role=known)
    more = fact(None, 4, box, names=[number], parcel_role=told, vendor="hub")
    scan = fact(Status.DELIVERED, 5, number)
    parcel = ParcelRole.PIN if known is ParcelRole.PIN else told
    ended, parcels = _journey(_SHIPPED, first, more, scan)
    assert (ended, parcels[parcel]) == (end, Status.DELIVERED)

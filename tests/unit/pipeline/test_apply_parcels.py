"""Parcels of a bulk issuance by example: what is told of them, and whom their scans move."""

from typing import Any

import pytest

from agreement import Telling, assert_agrees
from builders import announcement, box_no, fact, order, order_no, own_id, sent, waybill
from card_fulfillment.domain.detail import Evidence
from card_fulfillment.domain.facts import Attribute, Fact, ParcelRole, Statement
from card_fulfillment.domain.naming import ISSUER, SubjectKind, bulk_issuance
from card_fulfillment.domain.status import Reason, Status

_B1, _O1, _X, _W = bulk_issuance("b1"), order_no("o1"), box_no("x"), waybill("w")


def _bulk(*statements: Statement, members: int = 5) -> Telling:
    """A bulk of some members, and what is said of it, one statement a batch."""
    telling = Telling()
    announced = [announcement(f"c{n}", bulk="b1", serial=n) for n in range(1, members + 1)]
    telling.take([*map(sent, announced), sent(order(_B1, 1, _O1))])
    for each in statements:
        telling.settle().take([sent(each)])
    assert_agrees(telling.settle().snapshot(), telling.witness.told)
    return telling


def _at(telling: Telling, status: Status) -> set[str]:
    statuses = telling.snapshot().statuses()
    return {card_id for card_id, told in statuses.items() if told[-1] == status}


def _events(telling: Telling) -> list[dict[str, Any]]:
    return telling.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"]


def _packed(*serials: tuple[int, int]) -> list[Fact]:
    return [fact(Status.PRODUCED, 5, _O1, names=[_X], serials=each) for each in serials]


@pytest.mark.parametrize("late", [False, True])
def test_a_scan_of_a_parcel_moves_the_serials_of_its_lines_and_no_others(*, late: bool) -> None:
    scan = fact(Status.DELIVERED, 20, _X)
    lines = _packed((2, 3), (5, 5))

    telling = _bulk(*[scan, *lines] if late else [*lines, scan])

    assert _at(telling, Status.DELIVERED) == {"c2", "c3", "c5"}


def test_a_line_without_serials_gives_a_parcel_all_and_one_of_several_gives_it_none() -> None:
    scan = fact(Status.DELIVERED, 20, _X)
    whole = _bulk(fact(Status.PRODUCED, 5, _O1, names=[_X]), scan)
    one_of_two = _bulk(fact(Status.PRODUCED, 5, _O1, names=[_X], carton=(1, 2)), scan)

    assert len(_at(whole, Status.DELIVERED)) == 5
    assert _at(one_of_two, Status.DELIVERED) == set()


def test_a_scan_found_by_two_parcels_moves_what_is_in_both() -> None:
    telling = _bulk(
        fact(Status.PRODUCED, 5, _O1, names=[_X], serials=(1, 3)),
        fact(Status.PRODUCED, 5, _O1, names=[_W], serials=(3, 5)),
        fact(Status.DELIVERED, 20, _X, _W),
    )

    assert _at(telling, Status.DELIVERED) == {"c3"}


def test_what_is_said_of_a_parcel_is_none_of_the_bulks_own() -> None:
    """Its status and its number are the parcel's; the shipment of the bulk is as it was."""
    number = {Attribute.TRACKING_NUMBER: "N"}
    telling = _bulk(*_packed((1, 2)), fact(Status.SHIPPED, 9, _X, attributes=number))

    last = _events(telling)[-1]
    assert last["shipment"]["tracking_number"] is None
    assert [(p["tracking_number"], p["status"]) for p in last["parcels"]] == [("N", "shipped")]


@pytest.mark.parametrize(
    "more",
    [
        fact(None, 6, _X, attributes={Attribute.CARRIER: "q"}),
        fact(None, 6, _X, attributes={Attribute.TRACKING_NUMBER: "N"}),
        fact(None, 6, _O1, names=[_X], serials=(6, 6)),
        fact(None, 6, _X, carton=(1, 1)),
    ],
    ids=["carrier", "tracking number", "serials", "carton"],
)
def test_what_else_is_told_of_a_parcel_goes_out_by_the_next_tick(more: Fact) -> None:
    before = _bulk(*_packed((1, 5)))
    after = _bulk(*_packed((1, 5)), more)

    assert len(_events(after)) == len(_events(before)) + 1
    assert _events(after)[-1]["parcels"] != _events(before)[-1]["parcels"]


def test_the_number_of_the_whole_goes_out_by_the_next_tick_too_as_a_cards_does() -> None:
    shipped = fact(Status.SHIPPED, 9, _O1)
    numbers = [
        fact(None, 10 + n, _O1, attributes={Attribute.TRACKING_NUMBER: name})
        for n, name in enumerate("NNM")
    ]
    told = [
        (each["change"], each["shipment"]["tracking_number"])
        for each in _events(_bulk(shipped, *numbers))
        if each["fulfillment_status"] == "shipped"
    ]
    assert told == [("progress", None), ("update", "N"), ("update", "M")]


def test_a_number_that_the_first_event_tells_is_not_told_again() -> None:
    number = {Attribute.TRACKING_NUMBER: "N"}
    telling = Telling()
    telling.take([sent(fact(None, 1, own_id(ISSUER, "b1"), attributes=number))])
    telling.settle().take([sent(announcement("c1", bulk="b1"))])

    told = [each["shipment"]["tracking_number"] for each in _events(telling.settle())]
    assert told == ["N"]


def test_why_a_box_of_pin_letters_is_where_it_is_says_nothing_of_where_the_cards_are() -> None:
    letters = fact(
        Status.DELIVERED,
        20,
        _O1,
        names=[_W],
        parcel_role=ParcelRole.PIN,
        reason=Reason.DAMAGED,
        evidence=Evidence.SIGNATURE,
    )
    last = _events(_bulk(fact(Status.DELIVERED, 9, _O1), letters))[-1]
    assert [parcel["reference"] for parcel in last["parcels"]] == ["w"]
    assert (last["fulfillment_status"], last["change"]) == ("delivered", "update")
    told = (last["reason_code"], last["recommended_action"], last["evidence"])
    assert told == (None, "none", None)

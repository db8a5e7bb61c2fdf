"""What does not agree about a bulk issuance, by name: what was expected, and what was said."""

from typing import Any

import pytest

from agreement import Telling
from builders import announcement, box_no, fact, order, order_no, sent, sized, waybill
from card_fulfillment.domain.facts import ParcelRole, Statement
from card_fulfillment.domain.naming import SubjectKind, bulk_issuance
from card_fulfillment.domain.status import Status

_B1, _O1, _X, _W = bulk_issuance("b1"), order_no("o1"), box_no("x"), waybill("w")
_ORDER = order(_B1, 1, _O1)


def _member(serial: int, size: int | None = None) -> Statement:
    return sized(announcement(f"c{serial}", bulk="b1", serial=serial), size)


def _found(*statements: Statement) -> list[dict[str, Any]]:
    """What is published last; of each discrepancy what it says."""
    telling = Telling()
    for each in statements:
        telling.take([sent(each)])
    last = telling.settle().snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"][-1]
    return [{name: said for name, said in each.items() if said} for each in last["discrepancies"]]


def test_a_bulk_whose_numbers_agree_has_none() -> None:
    shipped = fact(Status.SHIPPED, 5, _O1, serials=(1, 2), quantity=2)
    assert _found(_member(1, 2), sized(_ORDER, 2), _member(2, 2), shipped) == []


def test_sizes_that_differ_conflict_and_the_greatest_counts() -> None:
    assert _found(_member(1, 4), sized(_ORDER, 5), _member(2, 3)) == [
        {"name": "size_conflict", "expected": 5, "reported": [3, 4]}
    ]


def test_a_size_in_the_order_of_a_member_is_not_its_bulks() -> None:
    assert _found(_member(1, 4), sized(order("c1", 1), 5)) == []


def test_a_serial_past_the_size_is_told_with_the_greatest_one() -> None:
    assert _found(_member(1, 2), _member(2), _member(3), _member(4)) == [
        {"name": "serial_past_size", "expected": 2, "reported": [4]}
    ]
    assert _found(_member(1, 2), _member(3))[0]["reported"] == [3]
    assert _found(_member(1, 2), _member(2)) == []


def test_a_range_that_reaches_past_the_size_is_told_with_its_end() -> None:
    told = _member(1, 3), _ORDER, fact(Status.PRODUCED, 5, _O1, serials=(1, 4))
    assert _found(*told, fact(Status.PRODUCED, 6, _O1, serials=(1, 3))) == [
        {"name": "range_past_size", "expected": 3, "reported": [4]}
    ]


def test_without_a_size_nothing_is_past_it() -> None:
    assert _found(_member(7), _ORDER, fact(Status.PRODUCED, 5, _O1, serials=(1, 9))) == []


def test_a_count_that_disagrees_with_its_own_range_is_told_with_the_range() -> None:
    assert _found(
        _member(1, 9), _ORDER, fact(Status.PRODUCED, 5, _O1, serials=(2, 5), quantity=3)
    ) == [{"name": "quantity_mismatch", "expected": 4, "reported": [3], "serials": [[2, 5]]}]


def test_counts_of_the_whole_that_are_not_the_size_are_told_and_never_taken_for_it() -> None:
    counts = [fact(Status.PRODUCED, 5 + n, _O1, quantity=n) for n in (4, 2, 3)]
    assert _found(_member(1, 3), _ORDER, *counts) == [
        {"name": "total_mismatch", "expected": 3, "reported": [2, 4]}
    ]


def test_a_count_of_one_parcel_is_none_of_the_whole() -> None:
    packed = fact(Status.PRODUCED, 5, _O1, names=[_X], serials=(1, 2), quantity=2)
    assert _found(_member(1, 3), _ORDER, packed, fact(Status.SHIPPED, 9, _X, quantity=2)) == []


def test_a_carton_of_a_set_that_nobody_told_of_is_missing() -> None:
    assert _found(
        _member(1, 3),
        _ORDER,
        fact(Status.PRODUCED, 5, _O1, names=[_X], carton=(4, 4)),
        fact(Status.PRODUCED, 5, _O1, names=[_W], carton=(1, 4)),
    ) == [{"name": "carton_missing", "expected": 4, "reported": [1, 4], "cartons": [[2, 3]]}]


def test_cartons_of_an_attempt_before_are_history() -> None:
    assert (
        _found(
            _member(1, 3),
            _ORDER,
            fact(Status.PRODUCED, 5, _O1, names=[_X], carton=(1, 2)),
            order(_B1, 9, order_no("o2"), attempt=2),
        )
        == []
    )


def test_a_short_shipment_tells_how_many_came_and_which_did_not() -> None:
    assert _found(
        _member(1, 6),
        _ORDER,
        fact(Status.SHIPPED, 5, _O1, names=[_X], carton=(1, 1), serials=(2, 4), quantity=3),
    ) == [{"name": "short_shipment", "expected": 6, "reported": [3], "serials": [[1, 1], [5, 6]]}]


@pytest.mark.parametrize(
    ("first", "second", "cartons", "names"),
    [
        ((1, 3), (1, 2), 1, ["short_shipment"]),
        ((1, 2), (1, 3), 1, []),
        ((1, 3), (1, 2), 2, ["carton_missing"]),
    ],
)
def test_a_shipment_is_short_by_the_boxes_of_its_own_attempt_alone(
    first: tuple[int, int], second: tuple[int, int], cartons: int, names: list[str]
) -> None:
    o2 = order_no("o2")
    found = _found(
        _member(1, 3),
        _ORDER,
        fact(Status.SHIPPED, 5, _O1, names=[_X], carton=(1, 1), serials=first),
        order(_B1, 9, o2, attempt=2),
        fact(Status.SHIPPED, 99, o2, names=[_W], carton=(1, cartons), serials=second),
    )
    assert [each["name"] for each in found] == names
    assert all(each.get("serials", [[3, 3]]) == [[3, 3]] for each in found)


@pytest.mark.parametrize("role", [ParcelRole.RETURN, ParcelRole.PIN])
def test_boxes_that_come_back_and_those_of_pin_letters_are_no_part_of_the_shipment(
    role: ParcelRole,
) -> None:
    sent_out = fact(Status.SHIPPED, 5, _O1, names=[_X], carton=(1, 1), serials=(1, 3), quantity=3)
    beside: dict[str, Any] = {"names": [_W], "parcel_role": role}
    assert (
        _found(
            _member(1, 3),
            _ORDER,
            sent_out,
            fact(Status.RETURNING, 8, _O1, carton=(2, 4), **beside),
            fact(None, 9, _O1, quantity=2, **beside),
            fact(Status.RETURNED, 9, _W, carton=(3, 5), serials=(1, 2)),
        )
        == []
    )

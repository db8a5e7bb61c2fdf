"""What the issuer states of its own cards and bulks, by their own ids: no order is needed."""

from collections.abc import Sequence
from typing import Final

import pytest

from agreement import Telling, assert_agrees, run
from builders import (
    NOW,
    announcement,
    fact,
    order,
    order_no,
    own_id,
    publishing,
    sent,
    waybill,
)
from card_fulfillment.domain.facts import Attribute, Statement
from card_fulfillment.domain.naming import Subject, bulk_issuance, card
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.fan_out import FanOut

_CANCELLED = fact(Status.CANCELLED, 2, own_id("issuer", "c1"))


def _told(statements: Sequence[Statement], cut: int) -> Telling:
    telling = Telling()
    records = [sent(each) for each in statements]
    for batch in (records[:cut], records[cut:]):
        telling.take(batch)
    fan_out = FanOut(telling.store.transaction, publishing(), most=2)
    while run(fan_out.spread(NOW)) or run(fan_out.tick(NOW)):
        pass
    return telling


@pytest.mark.parametrize("cut", [0, 1])
@pytest.mark.parametrize("late", [False, True])
def test_a_card_is_cancelled_before_anything_was_ordered(cut: int, *, late: bool) -> None:
    statements: list[Statement] = [announcement("c1"), _CANCELLED]

    telling = _told(statements[::-1] if late else statements, cut)

    assert telling.snapshot().statuses() == {"c1": ["created", "cancelled"]}


@pytest.mark.parametrize("cut", range(5))
@pytest.mark.parametrize("rotated", range(4))
def test_a_correction_is_of_the_attempt_that_was_ordered_last_before_it(
    cut: int, rotated: int
) -> None:
    delivery = fact(Status.DELIVERED, 60, own_id("issuer", "c1"))
    statements: list[Statement] = [
        announcement("c1"),
        order("c1", 1, order_no("o1")),
        order("c1", 50, order_no("o2"), attempt=2),
        delivery,
    ]

    snapshot = _told([*statements[rotated:], *statements[:rotated]], cut).snapshot()

    delivered = snapshot.facts[delivery.fact_id]
    assert {s: place.attempt for s, place in delivered.places.items()} == {card("c1"): 2}
    assert snapshot.statuses()["c1"][-1] == "delivered"


def test_the_order_may_be_one_of_the_first_attempt_that_comes_when_all_is_told() -> None:
    delivery = fact(Status.DELIVERED, 60, own_id("issuer", "c1"))
    telling = Telling()
    for each in (
        announcement("c1"),
        order("c1", 20, order_no("o2"), attempt=2),
        delivery,
        order("c1", 50, order_no("o1")),
    ):
        telling.take([sent(each)])

    places = telling.snapshot().facts[delivery.fact_id].places
    assert {s: place.attempt for s, place in places.items()} == {card("c1"): 1}
    assert_agrees(telling.snapshot(), telling.witness.told)


_MEMBER: Final = announcement("c1", bulk="b1", serial=1)
_BULK, _CARD = bulk_issuance("b1"), card("c1")


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("status", [Status.DELIVERED, None])
@pytest.mark.parametrize("vendor", ["alpha", "issuer"])
@pytest.mark.parametrize(
    ("again", "then", "about"),
    [(_CARD, _BULK, _CARD), (_BULK, _CARD, _CARD), (_BULK, _BULK, _BULK)],
    ids=["bulk after its member", "member after its bulk", "bulk after itself"],
)
def test_so_may_the_order_of_a_bulk_and_of_its_member_where_the_other_was_ordered_again(
    again: Subject,
    then: Subject,
    about: Subject,
    vendor: str,
    status: Status | None,
    *,
    spread: bool,
) -> None:
    """Whether or not what is told moves the member, and whether all is spread meanwhile."""
    told = fact(status, 60, own_id(vendor, about.id), attributes={Attribute.CARRIER: "p"})
    reordered = order(again, 20, order_no("o2"), attempt=2)
    telling = Telling()
    for each in (_MEMBER, reordered, told, order(then, 50, order_no("o1"))):
        telling.take([sent(each)])
        if spread:
            telling.settle()

    snapshot = telling.settle().snapshot()

    places = snapshot.facts[told.fact_id].places
    assert {s: place.attempt for s, place in places.items()} == {about: 1}
    assert_agrees(snapshot, telling.witness.told)


@pytest.mark.parametrize("cut", range(6))
@pytest.mark.parametrize("rotated", range(5))
def test_a_bulk_is_cancelled_as_a_whole_and_one_of_its_cards_by_name(
    cut: int, rotated: int
) -> None:
    statements: list[Statement] = [
        announcement("c1", bulk="b1", serial=1),
        announcement("c2", bulk="b1", serial=2),
        order(bulk_issuance("b1"), 1, order_no("o1")),
        fact(Status.REJECTED, 3, own_id("issuer", "c2")),
        fact(Status.CANCELLED, 4, own_id("issuer", "b1")),
    ]

    snapshot = _told([*statements[rotated:], *statements[:rotated]], cut).snapshot()

    ends = {i: statuses[-1] for i, statuses in snapshot.statuses().items()}
    assert ends == {"c1": "cancelled", "c2": "rejected"}
    told = snapshot.bulks["b1"].told
    assert told is not None
    assert told.counts == {Status.REJECTED: 1, Status.CANCELLED: 1}


def test_another_vendor_gains_nothing_by_it() -> None:
    telling = _told([announcement("c1"), fact(Status.CANCELLED, 2, own_id("alpha", "c1"))], 1)

    assert telling.snapshot().statuses() == {"c1": ["created"]}


def test_it_keeps_what_it_is_about_while_an_earlier_request_comes_and_another_vendor_asks() -> None:
    refusal = fact(Status.REJECTED, 170, order_no("o2"), own_id("issuer", "c1"))
    statements: list[Statement] = [
        order("c1", 165, order_no("o2")),
        refusal,
        order("c1", 0, order_no("o1")),
        fact(Status.PRODUCED, 190, own_id("beta", "c1"), names=[waybill("w")]),
    ]

    snapshot = _told(statements, 2).snapshot()

    assert snapshot.facts[refusal.fact_id].places.keys() == {card("c1")}

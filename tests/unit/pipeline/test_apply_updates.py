"""What is told of a card beside its statuses, and in which order what it gains is told."""

import pytest

from agreement import Telling, assert_agrees
from builders import announcement, fact, order, order_no, sent
from card_fulfillment.domain.facts import Attribute, Fact, Statement
from card_fulfillment.domain.status import Status

_O1 = order_no("o1")
_ORDERED = order("c1", 1, _O1)
_SHIPPED = fact(Status.SHIPPED, 10, _O1)
_OTHER = announcement("c2", 400)


def _number(number: str, at: float) -> Fact:
    return fact(None, at, _O1, attributes={Attribute.TRACKING_NUMBER: number})


def _told(*statements: Statement, updates: bool = True) -> list[tuple[str, str, str | None]]:
    """One statement a batch; what is published of the card, with the tracking number."""
    telling = Telling(updates=updates)
    for each in statements:
        telling.take([sent(each)])
    assert_agrees(telling.snapshot(), telling.witness.told)
    return [
        (e["change"], e["fulfillment_status"], e["shipment"]["tracking_number"])
        for e in telling.snapshot().journeys()["c1"]
    ]


_LATER: list[Statement] = [announcement("c1"), _ORDERED, _SHIPPED, _number("N", 12)]
_TAKEN: list[Statement] = [*_LATER[:3], _OTHER, _number("N", 480), order("c2", 470, _O1)]
_STATUSES = [
    ("progress", "created", None),
    ("progress", "ordered", None),
    ("progress", "shipped", None),
]


@pytest.mark.parametrize("story", [_LATER, _TAKEN], ids=["later", "and taken away"])
def test_a_number_alone_is_told_unless_the_setting_says_otherwise(story: list[Statement]) -> None:
    assert _told(*story)[:4] == [*_STATUSES, ("update", "shipped", "N")]
    assert _told(*story, updates=False) == _STATUSES


def test_a_number_that_went_to_another_card_is_told_to_be_none_of_this_one_any_more() -> None:
    assert _told(*_TAKEN)[4:] == [("update", "shipped", None)]
    known_before = (*_LATER[:2], _OTHER, _number("N", 480), _SHIPPED, _TAKEN[-1])
    assert _told(*known_before)[-2:] == [("progress", "shipped", "N"), ("update", "shipped", None)]
    assert _told(*known_before, updates=False)[-1] == ("progress", "shipped", "N")


def test_what_a_card_gains_when_it_is_folded_anew_is_told_in_its_natural_order() -> None:
    journey = ("shipped", "in_transit", "out_for_delivery", "delivered", "returned")
    facts = [fact(Status(each), 120 + n, _O1) for n, each in enumerate(journey)]
    told = _told(announcement("c1"), _ORDERED, *reversed(facts), order("c1", 100, _O1, attempt=2))

    assert [status for _, status, _ in told][-6:] == ["ordered", *journey]

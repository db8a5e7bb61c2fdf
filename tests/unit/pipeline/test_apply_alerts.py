"""What somebody must look at is told once: codes by which a vendor asks, facts that contradict."""

from itertools import permutations

import pytest

from agreement import Telling
from builders import announcement, fact, order, order_no, own_id, sent
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Statement
from card_fulfillment.domain.naming import bulk_issuance
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.envelope import RefusalReason

_O1, _O2 = order_no("o1"), order_no("o2")
_REORDERED = fact(None, 5, _O1, alert="reordered", code="REORDERED", text="a second card")


def _told(*statements: Statement) -> Telling:
    telling = Telling()
    for each in statements:
        telling.take([sent(each)])
    return telling


def test_an_alert_is_told_with_the_vendors_words_under_the_key_of_the_card() -> None:
    telling = _told(announcement("c1"), order("c1", 1, _O1), _REORDERED)

    ((key, letter),) = telling.snapshot().letters()

    assert key == "c1"
    assert (letter["reason"], letter["vendor"]) == ("vendor_alert", "alpha")
    assert letter["message"] == "reordered: the vendor says REORDERED, a second card"
    assert letter["field_path"] == f"fact:{_REORDERED.fact_id.hex()}"


@pytest.mark.parametrize("said", [*permutations([announcement("c1"), order("c1", 1, _O1)])])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_alert_is_told_once_whenever_and_however_often_it_comes(
    said: tuple[Statement, ...], place: int
) -> None:
    telling = _told(*said[:place], _REORDERED, *said[place:], _REORDERED, _REORDERED)

    assert [letter["reason"] for _, letter in telling.snapshot().letters()] == ["vendor_alert"]


def test_an_alert_moves_nothing_by_itself() -> None:
    telling = _told(announcement("c1"), order("c1", 1, _O1), _REORDERED)

    assert telling.snapshot().statuses() == {"c1": [Status.CREATED, Status.ORDERED]}


def test_a_fact_that_an_announcement_makes_contradictory_is_told_of() -> None:
    """The member's own id means it by the order of its bulk, and only once it is announced."""
    telling = _told(
        order(bulk_issuance("b1"), 1, _O1),
        order("c2", 1, _O2),
        fact(Status.SHIPPED, 5, own_id("alpha", "c1"), _O2),
    )
    assert telling.snapshot().dead_letters == []

    telling.take([sent(announcement("c1", bulk="b1"))])

    assert telling.snapshot().dead_letters == [RefusalReason.REFERENCE_CONFLICT]


def test_an_earlier_copy_that_makes_a_fact_contradictory_is_told_of() -> None:
    copies = [
        fact(Status.SHIPPED, at, _O1, _O2, event_id="e", precision=Precision.UNKNOWN)
        for at in (5000, 5)
    ]
    telling = _told(order("c1", 1, _O1), order("c2", 800, _O2), order("c2", 1, _O2), copies[0])
    assert telling.snapshot().dead_letters == []

    telling.take([sent(copies[1])])

    assert telling.snapshot().dead_letters == [RefusalReason.REFERENCE_CONFLICT]

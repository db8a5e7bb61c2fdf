"""Codes by which a vendor wants somebody to look: told once, with the card that they are about."""

from itertools import permutations

import pytest

from agreement import Telling
from builders import announcement, fact, order, order_no, sent
from card_fulfillment.domain.facts import Statement
from card_fulfillment.domain.status import Status

_O1 = order_no("o1")
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

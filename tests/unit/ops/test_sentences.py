"""Every discrepancy is a sentence that a person understands."""

import pytest

from card_fulfillment.domain.discrepancies import Discrepancy, DiscrepancyName
from card_fulfillment.ops.sentences import ranges, sentence

NAME = DiscrepancyName
SAID = {
    Discrepancy(NAME.SIZE_CONFLICT, 5000, (4000, 4998)): (
        "announcements and orders name 5000 cards, and also 4000 and 4998"
    ),
    Discrepancy(NAME.SERIAL_PAST_SIZE, 1, (2,)): "there is 1 card, and one is announced as no. 2",
    Discrepancy(NAME.SERIAL_TAKEN_TWICE, None, (), ((7, 7), (9, 11))): (
        "several cards are announced with the same serial: nos. 7, 9-11"
    ),
    Discrepancy(NAME.RANGE_PAST_SIZE, 5000, (5010,)): (
        "there are 5000 cards, and a vendor speaks of no. 5010"
    ),
    Discrepancy(NAME.QUANTITY_MISMATCH, 2400, (2399,), ((1, 2400),)): (
        "of nos. 1-2400, which are 2400 cards, a vendor counts 2399"
    ),
    Discrepancy(NAME.TOTAL_MISMATCH, 5000, (4998,)): (
        "there are 5000 cards, and a vendor counts 4998 in all"
    ),
    Discrepancy(NAME.CARTON_MISSING, 3, (1, 2), cartons=((3, 3),)): (
        "of 3 cartons not reported so far: no. 3"
    ),
    Discrepancy(NAME.SHORT_SHIPMENT, 5000, (4998,), ((17, 17), (23, 23))): (
        "all cartons are reported, with 4998 of 5000 cards; in none of them: nos. 17, 23"
    ),
}


@pytest.mark.parametrize(
    ("found", "said"), [pytest.param(f, said, id=f.name) for f, said in SAID.items()]
)
def test_what_does_not_agree_is_said_in_a_sentence(found: Discrepancy, said: str) -> None:
    assert sentence(found) == said


def test_there_is_a_sentence_for_each() -> None:
    assert {each.name for each in SAID} == set(DiscrepancyName)


def test_of_very_many_ranges_the_first_are_named_and_the_rest_is_counted() -> None:
    many = tuple((10 * n, 10 * n + 1) for n in range(1, 23))
    assert ranges(many).endswith("200-201 and 4 more")

"""What the schemas say of fields that subscribers act on, and that it is so."""

from typing import Any

import pytest

from agreement import Telling
from builders import announcement, fact, order, order_no, sent, sized
from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.discrepancies import DiscrepancyName
from card_fulfillment.domain.facts import Attribute, Statement
from card_fulfillment.domain.journey import ChangeKind
from card_fulfillment.domain.naming import SubjectKind, bulk_issuance
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.asyncapi import HEADERS
from card_fulfillment.messages.bulk_event import BULK_EVENT
from card_fulfillment.messages.card_event import CARD_EVENT
from card_fulfillment.messages.schema import schemas

_O1 = order_no("o1")
_CARD, _BULK = schemas()[CARD_EVENT], schemas()[BULK_EVENT]


def _told(kind: SubjectKind, subject: str, *statements: Statement) -> list[dict[str, Any]]:
    """What is published of it; each statement comes on a topic of its own."""
    telling = Telling()
    for number, each in enumerate(statements):
        telling.take([sent(each, topic=str(number))])
        telling.settle()
    return telling.snapshot().journeys(kind)[subject]


@pytest.mark.parametrize(
    ("schema", "definition", "values"),
    [
        (_CARD, "ChangeKind", ChangeKind),
        (_BULK, "ChangeKind", ChangeKind),
        (_CARD, "Precision", Precision),
        (_BULK, "Precision", Precision),
        (_BULK, "DiscrepancyFound", DiscrepancyName),
    ],
)
def test_words_that_do_not_explain_themselves_are_explained(
    schema: dict[str, Any], definition: str, values: type[ChangeKind | Precision | DiscrepancyName]
) -> None:
    lines = schema["$defs"][definition]["description"].splitlines()
    explained = {line.partition(": ")[0] for line in lines if ": " in line}
    assert {each.value for each in values} <= explained


def test_an_update_has_the_times_of_the_status_and_the_place_of_what_it_comes_with() -> None:
    number = {Attribute.TRACKING_NUMBER: "N"}
    events = _told(
        SubjectKind.CARD,
        "c1",
        announcement("c1"),
        order("c1", 1, _O1),
        fact(Status.SHIPPED, 5, _O1, received=6),
        fact(None, 8, _O1, received=9, attributes=number),
    )

    *_, shipped, update = events
    assert (update["change"], update["cause"]["topic"]) == ("update", "3")
    assert update["previous_fulfillment_status"] == shipped["fulfillment_status"]
    for name in ("occurred_at", "received_at"):
        assert update[name] == shipped[name]
    says = _CARD["properties"]["received_at"]["description"]
    assert says == "The timestamp of the record that stated the status."


def test_the_vendor_of_an_order_is_the_one_that_is_ordered() -> None:
    *_, ordered = _told(SubjectKind.CARD, "c1", announcement("c1"), order("c1", 1, vendor="alpha"))
    assert ordered["vendor"] == {"id": "alpha", "code": None, "text": None}
    assert "`ordered`" in _CARD["$defs"]["VendorSaid"]["description"]


def test_a_wrong_count_is_not_taken_back_by_a_right_one() -> None:
    counts = [fact(Status.PRODUCED, 5 + n, _O1, quantity=n) for n in (1, 2)]
    first = sized(announcement("c1", bulk="b1"), 2)
    *_, last = _told(
        SubjectKind.BULK_ISSUANCE,
        "b1",
        first,
        announcement("c2", bulk="b1"),
        order(bulk_issuance("b1"), 1, _O1),
        *counts,
    )
    assert [(d["name"], d["reported"]) for d in last["discrepancies"]] == [("total_mismatch", [1])]
    says = _BULK["$defs"]["DiscrepancyFound"]["description"]
    assert "does not take back the wrong one" in " ".join(says.split())


def test_a_lane_is_told_to_be_another_number_than_kafkas() -> None:
    """Lanes of all output topics are numbered together: that of the first partition is 1."""
    assert "not Kafka's" in HEADERS["lane"]

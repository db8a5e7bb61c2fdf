"""Events of a bulk issuance and of its members name the record that they come with."""

from typing import Any

import pytest

from agreement import Telling
from builders import announcement, box_no, fact, order, order_no, own_id, sent, sized
from card_fulfillment.domain.naming import SubjectKind, bulk_issuance
from card_fulfillment.domain.status import Reason, Status

_O1, _BOX = order_no("o1"), box_no("x")
_DAY = 24


def _last(telling: Telling, subject_id: str) -> dict[str, Any]:
    snapshot = telling.settle().snapshot()
    told = snapshot.journeys() | snapshot.journeys(SubjectKind.BULK_ISSUANCE)
    return told[subject_id][-1]


def _cause(event: dict[str, Any]) -> tuple[str, int]:
    return event["cause"]["topic"], event["cause"]["offset"]


def _shipped() -> Telling:
    """A bulk issuance of three, all shipped late under a number that will be given out again."""
    telling = Telling()
    cards = [announcement(f"m{n}", bulk="b1", serial=n) for n in (1, 2, 3)]
    telling.take([sent(each) for each in [*cards, announcement("other")]])
    telling.take([sent(order(bulk_issuance("b1"), 1, _O1))])
    telling.take([sent(fact(Status.SHIPPED, 20 * _DAY, _O1, reason=Reason.PARTIAL))])
    return telling.settle()


def test_what_a_bulk_loses_is_corrected_because_of_the_record_that_took_it_away() -> None:
    telling = _shipped()
    telling.take([sent(order("other", 19 * _DAY, _O1), topic="orders")])
    telling.take([sent(fact(Status.PRODUCED, 2 * _DAY, own_id("alpha", "b1"), serials=(1, 1)))])

    told = {each: _last(telling, each) for each in ("m2", "m3", "b1")}

    assert {i: e["fulfillment_status"] for i, e in told.items()} == dict.fromkeys(told, "ordered")
    assert told["m2"]["change"] == told["m3"]["change"] == "correction"
    assert {i: _cause(e) for i, e in told.items()} == dict.fromkeys(told, ("orders", 0))


@pytest.mark.parametrize("together", [False, True])
def test_a_size_that_only_a_repeated_announcement_names_is_told_because_of_that(
    *, together: bool
) -> None:
    telling = _shipped()
    again = announcement("m1", 1, bulk="b1", serial=1)
    more = announcement("m2", 1, bulk="b1", serial=2)
    said = [sent(sized(again, 3), topic="again"), sent(sized(again, 4), topic="again")]
    said += [sent(sized(more, size), topic="again") for size in (4, 3)]
    for batch in [said] if together else [[each] for each in said]:
        telling.take(batch)

    told = _last(telling, "b1")

    assert [found["name"] for found in told["discrepancies"]] == ["size_conflict"]
    assert _cause(told) == ("again", 1)
    assert told["reason_code"] == Reason.PARTIAL


def test_counts_are_told_because_of_what_changed_them_whatever_is_repeated_before_the_tick() -> (
    None
):
    telling = _shipped()
    for n in (1, 2):
        telling.settle()
        scan = fact(Status.IN_TRANSIT, 480, own_id("alpha", f"m{n}"))
        telling.take([sent(scan, topic="scans")])
        again = announcement(f"m{n}", 1, bulk="b1", serial=n)
        telling.take([sent(sized(again, 3), topic="again")])

    told = _last(telling, "b1")

    assert told["counts"] == {"shipped": 1, "in_transit": 2}
    assert _cause(told) == ("scans", 1)


def test_the_reason_of_what_a_bulk_lost_is_not_told_of_what_it_keeps() -> None:
    telling = _shipped()
    box = fact(Status.SHIPPED, 19.5 * _DAY, _O1, names=[_BOX], reason=Reason.DAMAGED)
    telling.take([sent(fact(Status.SHIPPED, 2 * _DAY, own_id("alpha", "b1"))), sent(box)])
    telling.settle()
    telling.take([sent(order("other", 19 * _DAY, _O1))])

    told = telling.snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"][-1]

    assert (told["fulfillment_status"], told["parcels"]) == ("shipped", [])
    assert told["reason_code"] is None


@pytest.mark.parametrize(
    ("status", "reason", "action"),
    [
        (Status.DELIVERED, Reason.DAMAGED, "reissue"),
        (Status.RETURNED, Reason.BAD_ADDRESS, "fix_address_and_reissue"),
        (Status.LOST, Reason.DESTROYED, "reissue"),
        (Status.LOST, None, "block_card"),
        (Status.DELIVERY_FAILED, Reason.MOVED, "fix_address_and_reissue"),
        (Status.DELIVERY_FAILED, None, "contact_carrier"),
        (Status.REJECTED, Reason.DATA_INVALID, "fix_data"),
        (Status.CANCELLED, Reason.CANCELLED_BY_ISSUER, "none"),
    ],
)
def test_what_is_to_be_done_about_a_bulk_is_what_is_about_each_of_its_cards(
    status: Status, reason: Reason | None, action: str
) -> None:
    telling = Telling()
    telling.take([sent(announcement("m1", bulk="b1")), sent(order(bulk_issuance("b1"), 1, _O1))])
    telling.take([sent(fact(status, 9, _O1, reason=reason))])

    for told in (_last(telling, "m1"), _last(telling, "b1")):
        assert (told["fulfillment_status"], told["final"]) == (status, True)
        assert (told["reason_code"], told["recommended_action"]) == (reason, action)


def test_a_bulk_that_is_ordered_anew_is_not_final_before_its_cards_are_told_so() -> None:
    telling = Telling()
    telling.take([sent(announcement("m1", bulk="b1")), sent(order(bulk_issuance("b1"), 1, _O1))])
    telling.settle().take([sent(fact(Status.RETURNED, 9, _O1))])
    telling.settle().take([sent(order(bulk_issuance("b1"), _DAY, order_no("o2"), attempt=2))])
    telling.settle().take([sent(fact(Status.DELIVERED, 2 * _DAY, order_no("o2")))])

    events = telling.settle().snapshot().journeys(SubjectKind.BULK_ISSUANCE)["b1"]
    told = [(e["attempt"], e["fulfillment_status"], e["change"], e["final"]) for e in events]
    assert told[2:] == [
        (1, "returned", "progress", True),
        (2, "returned", "reissue", False),
        (2, "ordered", "regression", False),
        (2, "delivered", "progress", True),
    ]

"""The demo's verdict on bulk issuances: each promise that is not kept is told."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from card_fulfillment.demo.branch_order import branch_order
from card_fulfillment.demo.bulk_checks import BulkFound, counted_anew, stored, ways
from card_fulfillment.demo.story import BulkEnding
from card_fulfillment.demo.wire import Wire
from card_fulfillment.domain.bulk import Bulk
from card_fulfillment.domain.discrepancies import DiscrepancyName
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.bulk_event_models import BulkIssuanceStatusChanged
from card_fulfillment.messages.times import EPOCH
from card_fulfillment.pipeline.timeline import BulkTimeline, Shown
from card_fulfillment.postgres.bulk_check import Checked

PROMISED = {
    "b1": BulkEnding(
        statuses=(Status.CREATED, Status.PRODUCED),
        counts={Status.PRODUCED: 1, Status.DELIVERED: 2},
        boxes={"AX1": Status.DELIVERED},
        missing={DiscrepancyName.SHORT_SHIPMENT: ((3, 3),)},
    )
}
Change = Callable[[dict[str, Any]], None]


def event(status: str, **said: object) -> dict[str, Any]:
    nothing: dict[str, Any] = {"announced": 3, "counts": {}, "parcels": [], "discrepancies": []}
    return nothing | {"fulfillment_status": status} | said


def told() -> list[dict[str, Any]]:
    return [
        event("created", announced=2, counts={"created": 2}),
        event("created", counts={"created": 3}),
        event(
            "produced",
            counts={"produced": 1, "delivered": 2},
            parcels=[{"tracking_number": "AX1", "status": "delivered"}],
            discrepancies=[{"name": "short_shipment", "serials": [[3, 3]]}],
        ),
    ]


def found(
    events: list[dict[str, Any]], kept: list[dict[str, Any]], checked: Checked | None
) -> dict[str, BulkFound]:
    timeline = BulkTimeline(
        bulk_id="b1",
        bulk=Bulk(),
        changes=Shown(cast("list[BulkIssuanceStatusChanged]", kept)),
        history=Shown([]),
        astray=(),
        bound=(),
        files=(),
        dead_letters=(),
    )
    return {"b1": BulkFound(cast("list[BulkIssuanceStatusChanged]", events), timeline, checked)}


def well() -> Checked:
    return Checked("b1", members=3, waits=False, wrong=[])


def test_nothing_is_wrong_where_all_is_as_promised() -> None:
    as_promised = found(told(), told(), well())
    assert list(ways(PROMISED, as_promised)) == []
    assert list(stored(as_promised)) == []
    assert list(counted_anew(as_promised)) == []


CHANGES: dict[str, tuple[str, Change]] = {
    "another status": ("statuses", lambda last: last.update(fulfillment_status="shipped")),
    "another count": ("counts", lambda last: last.update(counts={"produced": 3})),
    "a sum that is none": ("sum of counts", lambda last: last.update(announced=4)),
    "a box elsewhere": ("boxes", lambda last: last["parcels"][0].update(status="shipped")),
    "a box less": ("boxes", lambda last: last["parcels"].clear()),
    "a silence": ("discrepancies", lambda last: last["discrepancies"].clear()),
    "other serials": ("discrepancies", lambda last: last["discrepancies"][0].update(serials=[])),
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_end_that_was_not_promised_is_told(name: str) -> None:
    what, change = CHANGES[name]
    events = told()
    change(events[-1])
    (wrong,) = ways(PROMISED, found(events, events, well()))
    assert wrong.startswith(f"b1: {what}: ")


def test_silence_and_strangers_are_told() -> None:
    assert list(ways(PROMISED, {})) == ["b1: nobody was told of it"]
    assert list(ways({}, found(told(), told(), well()))) == ["b1: nobody expected an event of it"]


def test_what_was_received_must_be_what_is_stored() -> None:
    (wrong,) = stored(found(told(), told()[:2], well()))
    assert wrong == "b1: received 3 events, stored are others"


@pytest.mark.parametrize(
    ("checked", "sentence"),
    [
        (None, "b1: nothing is stored of it"),
        (Checked("b1", 3, waits=False, wrong=["a count differs"]), "b1: a count differs"),
        (
            Checked("b1", 3, waits=True, wrong=[]),
            "b1: something of it is still to be spread or published",
        ),
    ],
)
def test_counting_anew_must_come_to_the_same(checked: Checked | None, sentence: str) -> None:
    assert list(counted_anew(found(told(), told(), checked))) == [sentence]


def test_the_story_promises_an_end_for_each_of_its_sixty_cards() -> None:
    told, background = branch_order(Wire(EPOCH))
    ends = [e.told[-1].status for s in (told, background) for e in s.endings.values()]
    (whole,) = told.bulks.values()
    assert {status: ends.count(status) for status in ends} == dict(whole.counts)
    assert len(ends) == 60

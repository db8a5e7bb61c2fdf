"""What is published of a bulk issuance: what stands where, how large it gets, by what schema."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jsonschema_rs
from hypothesis import given
from hypothesis import strategies as st

from builders import altered, announcement, box_no, fact, headers_of, hour, order_no
from card_fulfillment.domain.bulk import Bulk, BulkChange, Common, Member, because, tell
from card_fulfillment.domain.claims import entry
from card_fulfillment.domain.detail import Evidence, Precision
from card_fulfillment.domain.facts import Attribute, Cause, Fact
from card_fulfillment.domain.members import scope_of
from card_fulfillment.domain.parcels import Hearing, Line, Parcel, Reports, Said
from card_fulfillment.domain.registers import Register
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.messages.bulk_event import BULK_EVENT, bulk_event_id
from card_fulfillment.messages.outbound import Encoder
from card_fulfillment.messages.schema import schemas

ENCODER = Encoder()
EXACT = jsonschema_rs.Draft202012Validator(schemas(closed=True)[BULK_EVENT], validate_formats=True)
OPEN = jsonschema_rs.Draft202012Validator(schemas()[BULK_EVENT], validate_formats=True)
# What a topic takes where nobody said otherwise, less what the record has beside the value.
LARGEST = 1_000_000
ORDER = order_no("BLK-1", "delta")


def box(number: int) -> Any:  # noqa: ANN401 - a reference
    return box_no(f"AX{number}", "delta")


class Step(NamedTuple):
    """What one transaction says of a bulk, and where its members are after that."""

    facts: Sequence[Fact] = ()
    counts: dict[Member, int] = {Member(Status.CREATED, 1): 1}  # noqa: RUF012 - never changed
    sizes: frozenset[int] = frozenset()
    taken: bool = False
    attempt: int = 1


def published(steps: Iterable[Step]) -> Iterator[tuple[Bulk, BulkChange]]:
    """All that is published of a bulk whose first card is announced in the first step."""
    first = announcement("card-1", bulk="bulk-1", serial=1)
    bulk = Bulk()
    for number, step in enumerate(steps, 1):
        hearing = Hearing(bulk.said)
        said = [(entry(f, step.attempt, scope_of(f)), number) for f in step.facts]
        hearing.hear_all(said)
        bulk = replace(
            bulk.with_member(first.card, taken=step.taken).of_size(step.sizes),
            said=hearing.said(),
            counts=step.counts,
            because=because(step.facts[-1]) if step.facts else bulk.because,
        )
        bulk, changes = tell(bulk, because(first.fact), tick=True)
        yield from ((bulk, change) for change in changes)


def events(*steps: Step) -> list[dict[str, Any]]:
    found = []
    for bulk, change in published(steps):
        out = ENCODER.bulk("bulk-1", bulk, change, hour(0))
        event: dict[str, Any] = json.loads(out.value)
        EXACT.validate(event)
        OPEN.validate(event)
        found.append(event)
    return found


def test_its_headers_are_those_of_a_cloud_event_with_the_trace_of_the_cause() -> None:
    traced = altered(fact(Status.SHIPPED, 5, ORDER), cause=Cause(None, "t", 0, 0, "a trace"))
    steps = (Step(), Step((traced,), {Member(Status.SHIPPED, 1): 1}))
    first, last = (headers_of(ENCODER.bulk("bulk-1", *each, hour(0))) for each in published(steps))
    assert (first.get("traceparent"), last["traceparent"]) == (None, "a trace")
    assert (last["ce_type"], last["ce_id"]) == (BULK_EVENT, bulk_event_id("bulk-1", 2))


CARTON = fact(
    Status.SHIPPED,
    5,
    ORDER,
    names=[box(1)],
    serials=(1, 2400),
    carton=(1, 3),
    quantity=2399,
    precision=Precision.DAY,
    evidence=Evidence.VENDOR_CLAIM,
    code="40",
    attributes={Attribute.CARRIER: "sahra"},
)


HALF_SHIPPED = {
    "event_id": bulk_event_id("bulk-1", 2),
    "subject": "bulk_issuance",
    "card_id": None,
    "bulk_issuance_id": "bulk-1",
    "card_product_id": "gold",
    "reference_card_id": None,
    "labels": {},
    "version": 2,
    "fulfillment_status": "shipped",
    "previous_fulfillment_status": "created",
    "change": "progress",
    "supersedes": None,
    "attempt": 1,
    "occurred_at": "2026-03-08T00:00:00.000Z",
    "occurred_at_precision": "day",
    "received_at": "2026-03-08T05:00:00.000Z",
    "recorded_at": "2026-03-08T00:00:00.000Z",
    "reason_code": None,
    "recommended_action": "none",
    "evidence": "vendor_claim",
    "final": False,
    "tracked": None,
    "vendor": {"id": "delta", "code": "40", "text": None},
    "shipment": dict.fromkeys(
        ("method", "carrier", "tracking_number", "tracking_url", "estimated_delivery")
    ),
    "total": 5000,
    "announced": 2401,
    "counts": {"rejected": 1, "shipped": 2400},
    "is_partial": True,
    "exceptions": 1,
    "parcels": [
        {
            "reference": "AX1",
            "vendor": "delta",
            "role": "outbound",
            "carton": {"number": 1, "of": 3},
            "carrier": "sahra",
            "tracking_number": "AX1",
            "status": "shipped",
            "serials": [[1, 2400]],
        }
    ],
    "discrepancies": [
        {
            "name": "quantity_mismatch",
            "expected": 2400,
            "reported": [2399],
            "serials": [[1, 2400]],
            "cartons": [],
        },
        {
            "name": "carton_missing",
            "expected": 3,
            "reported": [1],
            "serials": [],
            "cartons": [[2, 3]],
        },
    ],
    "cause": {"event_id": None, "topic": "built", "partition": 0, "offset": 0},
}


def test_an_event_has_exactly_the_fields_of_the_contract() -> None:
    made = Step([CARTON], {Member(Status.SHIPPED, 1): 2400, Member(Status.REJECTED, 1): 1})
    assert events(Step(sizes=frozenset({5000})), made)[-1] == HALF_SHIPPED


def test_the_first_event_of_a_bulk_tells_what_is_announced_and_nothing_else() -> None:
    first, _ = events(Step([CARTON], {Member(Status.SHIPPED, 1): 2}, frozenset({2})))
    assert (first["version"], first["fulfillment_status"]) == (1, "created")
    assert first["previous_fulfillment_status"] is None
    assert first["counts"] == {"created": 2}
    assert first["parcels"] == first["discrepancies"] == []
    assert first["vendor"] is None


def test_a_reason_is_told_where_the_cause_states_the_status_of_the_bulk() -> None:
    rejected = fact(Status.REJECTED, 3, ORDER, serials=(1, 1), reason=Reason.PRODUCT_UNKNOWN)
    _, some = events(
        Step([rejected], {Member(Status.REJECTED, 1): 1, Member(Status.CREATED, 1): 1})
    )
    assert (some["fulfillment_status"], some["reason_code"]) == ("created", None)
    _, all_of_it = events(Step([rejected], {Member(Status.REJECTED, 1): 2}))
    assert (all_of_it["fulfillment_status"], all_of_it["reason_code"]) == (
        "rejected",
        "product_unknown",
    )


def test_headers_are_those_of_a_cloud_event() -> None:
    bulk, change = next(published([Step()]))
    out = ENCODER.bulk("bulk-1", bulk, change, hour(0))
    assert out.key == "bulk-1"
    assert headers_of(out) == {
        "ce_specversion": "1.0",
        "ce_id": bulk_event_id("bulk-1", 1),
        "ce_type": "bulk_issuance.fulfillment_status-changed.v1",
        "ce_source": "/issuer/cards",
        "ce_subject": "bulk-1",
        "ce_time": "2026-03-08T00:00:00.000Z",
        "ce_dataschema": "https://schemas.example/fulfillment/"
        "bulk_issuance.fulfillment_status-changed.v1.schema.json",
        "content-type": "application/json",
    }


def test_the_largest_event_fits_into_a_record() -> None:
    """Whatever vendors say: 400 boxes of 40 ranges each, all named as long as can be."""
    many = tuple((10**8 + 10 * number, 10**8 + 10 * number + 1) for number in range(400))
    lines = tuple(Line(serials, 1) for serials in many[:40])
    longest = Register(1, 0, b"", "\U0001f4e6" * 256)
    registers = {Attribute.CARRIER: longest, Attribute.TRACKING_NUMBER: longest}
    boxes = [box_no("\U0001f4e6" * 253 + f"{number:03d}", "delta") for number in range(400)]
    reports = Reports(
        reach=10**9,
        totals=frozenset(range(10**8, 10**8 + 100)),
        miscounted=frozenset((serials, 10**8) for serials in many),
        cartons=frozenset((1, number, of) for of in range(200, 400) for number in range(1, 99, 2)),
    )
    bulk = Bulk(
        common=Common(
            "gold", {"\U0001f4e6" * 62 + f"{n:02d}": "\U0001f4e6" * 256 for n in range(16)}
        ),
        sizes=frozenset(range(99_999_000, 99_999_100)),
        counts={Member(status, 1): 10**8 for status in Status},
        greatest_serial=10**9,
        taken_twice=many,
        said=Said(
            parcels={box: Parcel(named=True, lines=lines, registers=registers) for box in boxes},
            reports=reports,
        ),
    )
    _, changes = tell(bulk, because(CARTON), tick=True)
    out = ENCODER.bulk("b" * 128, bulk, changes[-1], hour(0))
    event = json.loads(out.value)
    EXACT.validate(event)
    assert (len(event["parcels"]), len(event["discrepancies"])) == (200, 128)
    assert {len(each["serials"]) for each in event["parcels"]} == {32}
    assert len(out.value) < LARGEST


def test_readers_are_told_to_accept_what_they_do_not_know() -> None:
    event = events(Step())[0]
    newer = event | {"fulfillment_status": "teleported", "counts": {"teleported": 1}, "more": 1}
    assert OPEN.is_valid(newer)
    assert not EXACT.is_valid(newer)


ranges = st.tuples(st.integers(1, 12), st.integers(0, 5)).map(lambda r: (r[0], r[0] + r[1]))
texts = st.none() | st.text(max_size=9)
facts = st.builds(
    lambda status, at, boxes, direct, **said: fact(
        status,
        at,
        *([box(boxes[0])] if direct and boxes else [ORDER]),
        names=map(box, boxes),
        **said,
    ),
    st.none() | st.sampled_from(Status),
    st.integers(0, 99),
    st.lists(st.integers(1, 4), max_size=2),
    st.booleans(),
    serials=st.none() | ranges,
    carton=st.none() | st.tuples(st.integers(1, 4), st.none() | st.integers(1, 4)),
    quantity=st.none() | st.integers(0, 20),
    precision=st.sampled_from(Precision),
    reason=st.none() | st.sampled_from(Reason),
    evidence=st.none() | st.sampled_from(Evidence),
    code=texts,
    text=texts,
    attributes=st.dictionaries(
        st.sampled_from(sorted(set(Attribute) - {Attribute.TRACKED})), st.text(max_size=9)
    )
    | st.builds(lambda tracked: {Attribute.TRACKED: tracked}, st.booleans()),
)
steps = st.builds(
    Step,
    st.lists(facts, max_size=6),
    st.dictionaries(
        st.builds(Member, st.sampled_from(Status), st.integers(1, 3)),
        st.integers(1, 99),
        min_size=1,
        max_size=4,
    ),
    st.frozensets(st.integers(1, 15), max_size=2),
    st.booleans(),
    st.integers(1, 3),
)


@given(st.lists(steps, min_size=1, max_size=4))
def test_every_event_is_valid_by_its_own_schema_and_adds_up(said: list[Step]) -> None:
    told = events(*said)
    assert [event["version"] for event in told] == list(range(1, len(told) + 1))
    for event in told:
        assert sum(event["counts"].values()) == event["announced"]
        assert event["event_id"] == bulk_event_id("bulk-1", event["version"])
        assert event["total"] is None or event["is_partial"] >= (
            event["announced"] < event["total"]
        )

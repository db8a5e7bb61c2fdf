"""Changes of cards as published: what stands where, and that the schema says so."""

import json
import uuid
from typing import Any

import jsonschema_rs
from hypothesis import example, given
from hypothesis import strategies as st

from builders import HEADERS, headers_of, made
from card_fulfillment.domain.claims import entry
from card_fulfillment.domain.detail import Evidence, Precision
from card_fulfillment.domain.facts import Attribute, CardIdentity, Cause, Fact
from card_fulfillment.domain.fold import fold
from card_fulfillment.domain.journey import Change, Journey
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.messages.card_event import CARD_EVENT, card_event_id
from card_fulfillment.messages.identity import NAMESPACE
from card_fulfillment.messages.outbound import Encoder
from card_fulfillment.messages.schema import schemas
from card_fulfillment.messages.times import FIRST_PLAUSIBLE, LATEST_RECORD, to_micros

NOON = 1_772_366_400_000_000
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CARD = CardIdentity(
    card_id="card-1",
    card_product_id="gold",
    reference_card_id="card-0",
    bulk_issuance_id="bulk-1",
    serial_number=7,
    labels={"programme": "travel"},
)
ENCODER = Encoder()
EXACT = jsonschema_rs.Draft202012Validator(schemas(closed=True)[CARD_EVENT], validate_formats=True)
OPEN = jsonschema_rs.Draft202012Validator(schemas()[CARD_EVENT], validate_formats=True)


def fact(status: Status | None, hours: int = 0, **changed: Any) -> Fact:  # noqa: ANN401 - any field of a fact
    stated = NOON + hours * 3_600_000_000
    given = {
        "fact_id": f"{status}{hours}".encode(),
        "content": b"",
        "vendor": "sahra",
        "status": status,
        "stated": stated,
        "precision": Precision.SECOND,
        "received_at": stated + 61_234_567,
        "cause": Cause("evt-1", "perso-vendor-tracking-sahra", 3, 41, TRACEPARENT),
    }
    return made(**(given | changed))


def changes(*facts: Fact) -> list[Change]:
    folded: list[Change] = []
    journey = Journey()
    for each in facts:
        step = fold(journey, [entry(each, 1)])
        journey = step.journey
        folded += step.changes
    return folded


def published(change: Change) -> dict[str, Any]:
    event = json.loads(ENCODER.card(CARD, change, NOON + 999_999).value)
    assert isinstance(event, dict)
    return event


CREATED = fact(Status.CREATED, vendor=None)
DELIVERED = fact(
    Status.DELIVERED,
    5,
    precision=Precision.DAY,
    reason=Reason.DAMAGED,
    evidence=Evidence.SIGNATURE,
    code="005",
    text="Delivered",
    attributes={
        Attribute.METHOD: "express",
        Attribute.CARRIER: "sahra",
        Attribute.TRACKING_NUMBER: "32592631260",
        Attribute.TRACKING_URL: "https://track.example/32592631260",
        Attribute.ESTIMATED_DELIVERY: "2026-03-05",
        Attribute.TRACKED: True,
    },
)


def test_an_event_has_exactly_the_fields_of_the_contract() -> None:
    assert published(changes(CREATED, DELIVERED)[1]) == {
        "event_id": card_event_id("card-1", 2),
        "subject": "card",
        "card_id": "card-1",
        "bulk_issuance_id": "bulk-1",
        "card_product_id": "gold",
        "reference_card_id": "card-0",
        "labels": {"programme": "travel"},
        "version": 2,
        "fulfillment_status": "delivered",
        "previous_fulfillment_status": "created",
        "change": "progress",
        "supersedes": None,
        "attempt": 1,
        "occurred_at": "2026-03-01T17:00:00.000Z",
        "occurred_at_precision": "day",
        "received_at": "2026-03-01T17:01:01.234Z",
        "recorded_at": "2026-03-01T12:00:00.999Z",
        "reason_code": "damaged",
        "recommended_action": "reissue",
        "evidence": "signature",
        "final": True,
        "tracked": True,
        "vendor": {"id": "sahra", "code": "005", "text": "Delivered"},
        "shipment": {
            "method": "express",
            "carrier": "sahra",
            "tracking_number": "32592631260",
            "tracking_url": "https://track.example/32592631260",
            "estimated_delivery": "2026-03-05",
        },
        "parcels": [],
        "cause": {
            "event_id": "evt-1",
            "topic": "perso-vendor-tracking-sahra",
            "partition": 3,
            "offset": 41,
        },
    }


def test_the_first_event_of_a_card_has_no_previous_status_and_no_vendor() -> None:
    event = published(changes(CREATED)[0])
    assert event["version"] == 1
    assert event["previous_fulfillment_status"] is None
    assert event["vendor"] is None
    assert set(event["shipment"].values()) == {None}


def test_a_correction_names_the_event_that_it_corrects() -> None:
    corrected = changes(CREATED, DELIVERED, fact(Status.RETURNED, 30))[2]
    event = published(corrected)
    assert event["change"] == "correction"
    assert event["supersedes"] == card_event_id("card-1", 2)


def test_headers_are_those_of_a_cloud_event() -> None:
    out = ENCODER.card(CARD, changes(DELIVERED)[0], NOON)
    assert out.key == "card-1"
    assert headers_of(out) == {
        "ce_specversion": "1.0",
        "ce_id": card_event_id("card-1", 1),
        "ce_type": "card.fulfillment_status-changed.v1",
        "ce_source": "/issuer/cards",
        "ce_subject": "card-1",
        "ce_time": "2026-03-01T12:00:00.000Z",
        "ce_dataschema": "https://schemas.example/fulfillment/"
        "card.fulfillment_status-changed.v1.schema.json",
        "content-type": "application/json",
        "traceparent": TRACEPARENT,
    }


def test_without_a_trace_there_is_no_trace_header() -> None:
    untraced = fact(Status.CREATED, cause=Cause(None, "t", 0, 0))
    assert "traceparent" not in headers_of(ENCODER.card(CARD, changes(untraced)[0], NOON))


def test_headers_that_were_stored_as_an_object_are_published_as_they_are() -> None:
    assert HEADERS.of("card-1", '{"ce_id":"1","ce_source":"/é"}') == [
        ("ce_id", b"1"),
        ("ce_source", "/é".encode()),
    ]


def test_what_is_published_once_is_published_the_same_again() -> None:
    change = changes(DELIVERED)[0]
    assert ENCODER.card(CARD, change, NOON) == ENCODER.card(CARD, change, NOON)


def test_an_event_id_is_the_uuid5_of_card_and_version() -> None:
    assert card_event_id("card-1", 2) == str(uuid.uuid5(NAMESPACE, "card:card-1:2"))
    assert str(NAMESPACE) == "6f0d9a52-43c5-4a0e-9d0b-8a5b7f3c1e64"


times = st.integers(to_micros(FIRST_PLAUSIBLE), LATEST_RECORD)
texts = st.none() | st.text(max_size=20)
facts = st.builds(
    fact,
    st.none() | st.sampled_from(Status),
    st.integers(0, 100),
    vendor=st.none() | st.sampled_from(["sahra", "delta"]),
    stated=times,
    received_at=times,
    precision=st.sampled_from(Precision),
    reason=st.none() | st.sampled_from(Reason),
    evidence=st.none() | st.sampled_from(Evidence),
    code=texts,
    text=texts,
    attributes=st.dictionaries(
        st.sampled_from(sorted(set(Attribute) - {Attribute.TRACKED})), st.text(max_size=20)
    ),
    cause=st.builds(
        Cause,
        st.none() | texts,
        st.just("t"),
        st.integers(0, 9),
        st.integers(0, 2**63 - 1),
        st.sampled_from([None, TRACEPARENT]),
    ),
)
cards = st.builds(
    CardIdentity,
    card_id=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    card_product_id=st.text(min_size=1),
    reference_card_id=texts,
    bulk_issuance_id=texts,
    labels=st.dictionaries(st.text(), st.text(), max_size=3),
)


@given(cards, st.lists(facts, max_size=5), times)
def test_every_event_is_valid_by_its_own_schema(
    card: CardIdentity, said: list[Fact], recorded_at: int
) -> None:
    for change in changes(CREATED, *said):
        out = ENCODER.card(card, change, recorded_at)
        event = json.loads(out.value)
        EXACT.validate(event)
        OPEN.validate(event)
        assert len(headers_of(out)) >= 8


@given(st.text())
@example('",\n  "\\')
@example("\x00\u2028é😀\r\n")
def test_texts_are_published_as_they_were_given(given_text: str) -> None:
    card = CardIdentity(given_text, given_text, given_text, given_text, 1, {given_text: given_text})
    attributes = dict.fromkeys(set(Attribute) - {Attribute.TRACKED}, given_text)
    cause = Cause(given_text, given_text, 3, 41)
    said = fact(
        Status.SHIPPED,
        vendor=given_text,
        code=given_text,
        text=given_text,
        attributes=attributes,
        cause=cause,
    )
    event = json.loads(ENCODER.card(card, changes(said)[0], NOON).value)
    of_card = ("card_id", "card_product_id", "reference_card_id", "bulk_issuance_id")
    assert [event[name] for name in of_card] == [given_text] * 4
    assert event["labels"] == {given_text: given_text}
    assert set(event["vendor"].values()) | set(event["shipment"].values()) == {given_text}
    assert [*event["cause"].values()] == [given_text, given_text, 3, 41]


def test_readers_are_told_to_accept_what_they_do_not_know() -> None:
    newer = published(changes(DELIVERED)[0]) | {"fulfillment_status": "teleported", "more": 1}
    assert OPEN.is_valid(newer)
    assert not EXACT.is_valid(newer)

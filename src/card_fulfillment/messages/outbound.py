"""What the worker publishes: events of cards and bulks, dead letters; encoded for the outbox."""

from typing import Annotated, Final, Literal

import orjson
from pydantic import Field
from typing_extensions import TypedDict  # pydantic wants this one below Python 3.12

from card_fulfillment.domain.bulk import Bulk, BulkChange
from card_fulfillment.domain.facts import CardIdentity, Evidence, Precision
from card_fulfillment.domain.journey import Change, ChangeKind
from card_fulfillment.domain.status import Action, Reason, Status, recommended_action
from card_fulfillment.messages.bulk_event import BULK_EVENT, bulk_event
from card_fulfillment.messages.dead_letter import DeadLetter, dead_letter_event
from card_fulfillment.messages.envelope import Outgoing
from card_fulfillment.messages.event_parts import (
    CausedBy,
    EventId,
    Parcel,
    Shipment,
    VendorSaid,
    caused_by,
    shipment,
    vendor_said,
)
from card_fulfillment.messages.identity import uuid5
from card_fulfillment.messages.times import Timestamp, iso_utc

CARD_EVENT: Final = "card.fulfillment_status-changed.v1"
DEAD_LETTER: Final = "fulfillment-dead-letter.v1"


def schema_file(event_type: str) -> str:
    return f"{event_type}.schema.json"


class CardStatusChanged(TypedDict):
    """One published version of where a card is."""

    event_id: EventId
    subject: Literal["card"]
    card_id: str
    bulk_issuance_id: str | None
    card_product_id: str
    reference_card_id: str | None
    labels: dict[str, str]
    version: Annotated[int, Field(ge=1, description="1, 2, 3 … per card, without a gap.")]
    fulfillment_status: Status
    previous_fulfillment_status: Annotated[Status | None, Field(description="Null at first.")]
    change: ChangeKind
    supersedes: Annotated[EventId | None, Field(description="The event that this one corrects.")]
    attempt: Annotated[int, Field(ge=1)]
    occurred_at: Annotated[Timestamp, Field(description="By the sender's clock.")]
    occurred_at_precision: Precision
    received_at: Annotated[Timestamp, Field(description="The causing record's timestamp.")]
    recorded_at: Annotated[Timestamp, Field(description="By the worker's clock, informational.")]
    reason_code: Reason | None
    recommended_action: Action
    evidence: Evidence | None
    final: Annotated[bool, Field(description="Nothing more is expected; a correction may come.")]
    tracked: Annotated[bool | None, Field(description="Null: unknown.")]
    vendor: VendorSaid | None
    shipment: Shipment
    parcels: Annotated[list[Parcel], Field(description="Where there are more than the one.")]
    cause: CausedBy


class Encoder:
    """Bytes and headers of what is published. Times are microseconds since the Unix epoch, UTC.

    source: ce_source of every event. schema_base: the URL below which the schema files are.
    """

    def __init__(self, source: str, schema_base: str) -> None:
        self._source = source
        self._schema_base = schema_base.rstrip("/")

    def card(self, card: CardIdentity, change: Change, recorded_at: int) -> Outgoing:
        event = _card_event(card, change, iso_utc(recorded_at))
        headers = self._headers(CARD_EVENT, event["event_id"], card.card_id, event["recorded_at"])
        if change.cause.traceparent is not None:
            headers["traceparent"] = change.cause.traceparent
        return _outgoing(card.card_id, headers, event)

    def bulk(self, bulk_id: str, bulk: Bulk, change: BulkChange, recorded_at: int) -> Outgoing:
        event = bulk_event(bulk_id, bulk, change, iso_utc(recorded_at))
        headers = self._headers(BULK_EVENT, event["event_id"], bulk_id, event["recorded_at"])
        if change.because.cause.traceparent is not None:
            headers["traceparent"] = change.because.cause.traceparent
        return _outgoing(bulk_id, headers, event)

    def dead_letter(self, letter: DeadLetter, recorded_at: int) -> Outgoing:
        event = dead_letter_event(letter, recorded_at)
        key = letter.message_key
        headers = self._headers(DEAD_LETTER, letter.dead_letter_id, key, event["recorded_at"])
        return _outgoing(key, headers, event)

    def _headers(self, kind: str, event_id: str, key: str, recorded_at: str) -> dict[str, str]:
        return {
            "ce_specversion": "1.0",
            "ce_id": event_id,
            "ce_type": kind,
            "ce_source": self._source,
            "ce_subject": key,
            "ce_time": recorded_at,
            "ce_dataschema": f"{self._schema_base}/{schema_file(kind)}",
            "content-type": "application/json",
        }


def card_event_id(card_id: str, version: int) -> str:
    return uuid5(f"card:{card_id}:{version}")


def _outgoing(key: str, headers: dict[str, str], event: object) -> Outgoing:
    return Outgoing(key, orjson.dumps(headers).decode(), orjson.dumps(event))


def _card_event(card: CardIdentity, change: Change, recorded_at: str) -> CardStatusChanged:
    detail, superseded = change.detail, change.supersedes
    return {
        "event_id": card_event_id(card.card_id, change.version),
        "subject": "card",
        "card_id": card.card_id,
        "bulk_issuance_id": card.bulk_issuance_id,
        "card_product_id": card.card_product_id,
        "reference_card_id": card.reference_card_id,
        "labels": dict(card.labels),
        "version": change.version,
        "fulfillment_status": change.status,
        "previous_fulfillment_status": change.previous,
        "change": change.kind,
        "supersedes": None if superseded is None else card_event_id(card.card_id, superseded),
        "attempt": change.attempt,
        "occurred_at": iso_utc(detail.occurred_at),
        "occurred_at_precision": detail.precision,
        "received_at": iso_utc(detail.received_at),
        "recorded_at": recorded_at,
        "reason_code": detail.reason,
        "recommended_action": recommended_action(change.status, detail.reason),
        "evidence": detail.evidence,
        "final": change.final,
        "tracked": change.tracked,
        "vendor": vendor_said(detail),
        "shipment": shipment(change.attributes),
        "parcels": [],
        "cause": caused_by(change.cause),
    }

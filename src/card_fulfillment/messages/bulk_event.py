"""The published event of a bulk issuance: its one status, counts, parcels and discrepancies."""

from itertools import islice
from typing import Annotated, Final, Literal

from pydantic import Field, GetPydanticSchema
from typing_extensions import TypedDict  # pydantic wants this one below Python 3.12

from card_fulfillment.domain.bulk import (
    Bulk,
    BulkChange,
    Common,
    RollUp,
    is_over,
    is_tracked,
    shown,
)
from card_fulfillment.domain.discrepancies import Discrepancy, DiscrepancyName
from card_fulfillment.domain.facts import Attribute, Evidence, Precision, Reference
from card_fulfillment.domain.journey import ChangeKind
from card_fulfillment.domain.parcels import Parcel
from card_fulfillment.domain.serials import Ranges
from card_fulfillment.domain.status import Action, Reason, Status, recommended_action
from card_fulfillment.messages.event_parts import (
    CausedBy,
    EventId,
    Shipment,
    VendorSaid,
    caused_by,
    shipment,
    vendor_said,
)
from card_fulfillment.messages.identity import uuid5
from card_fulfillment.messages.times import Timestamp, iso_utc

BULK_EVENT: Final = "bulk_issuance.fulfillment_status-changed.v1"
# An event with all of them stays below what a topic takes by default, one megabyte.
MOST_PARCELS: Final = 200
MOST_DISCREPANCIES: Final = 128
_MOST_NUMBERS: Final = 32

# Keys are encoded as plain text; the schema knows them for what they are.
_StatusName = Annotated[str, GetPydanticSchema(lambda _, handler: handler.generate_schema(Status))]
_Count = Annotated[int, Field(ge=0)]
_Members = Annotated[int, Field(ge=1)]
_SerialRange = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2, max_length=2)]


class Carton(TypedDict):
    """Which of how many."""

    number: Annotated[int, Field(ge=1)]
    of: Annotated[int | None, Field(description="Null: the vendor did not say.")]


class BulkParcel(TypedDict):
    """A box of the bulk issuance, found by the reference that its vendor gave it."""

    reference: str
    vendor: Annotated[str, Field(description="Whose reference it is.")]
    role: Annotated[str, Field(description="Always outbound so far.")]
    carton: Annotated[Carton | None, Field(description="Null: not numbered.")]
    carrier: str | None
    tracking_number: str
    status: Annotated[Status | None, Field(description="Its own; null: nothing was said of it.")]
    serials: Annotated[
        list[_SerialRange] | None,
        Field(
            description="Of the cards in it: ranges, first and last, in order, the first "
            f"{_MOST_NUMBERS}. Empty: none are known. Null: all cards of the bulk issuance."
        ),
    ]


class DiscrepancyFound(TypedDict):
    """What does not agree. Nothing is corrected for it; it is gone once what is known agrees.

    size_conflict: issuer and orders name `expected` cards, and also `reported`.
    serial_past_size: `expected` cards, and a card announced with the serial `reported`.
    serial_taken_twice: several cards are announced with the same of `serials`.
    range_past_size: `expected` cards, and a vendor speaks of serials up to `reported`.
    quantity_mismatch: the range `serials` has `expected` cards, the vendor counts `reported`.
    total_mismatch: `expected` cards, the vendor counts `reported` in all.
    carton_missing: `expected` cartons, of which those in `cartons` are not reported.
    short_shipment: `expected` cards and every carton handed over, with `reported` cards; those in
    `serials` are in none of them.
    """

    name: DiscrepancyName
    expected: Annotated[int | None, Field(description="Null: there is no number to expect.")]
    reported: Annotated[
        list[_Count], Field(description=f"What is said instead, the first {_MOST_NUMBERS}.")
    ]
    serials: Annotated[
        list[_SerialRange],
        Field(description=f"Ranges, first and last, in order, the first {_MOST_NUMBERS}."),
    ]
    cartons: Annotated[
        list[_SerialRange],
        Field(description=f"Ranges, first and last, in order, the first {_MOST_NUMBERS}."),
    ]


class BulkIssuanceStatusChanged(TypedDict):
    """One published version of where a bulk issuance is."""

    event_id: EventId
    subject: Literal["bulk_issuance"]
    card_id: Annotated[None, Field(description="Always null; so that one reader reads both.")]
    bulk_issuance_id: str
    card_product_id: Annotated[str | None, Field(description="Null where the cards differ.")]
    reference_card_id: Annotated[None, Field(description="Always null.")]
    labels: Annotated[dict[str, str], Field(description="Those that all its cards have.")]
    version: Annotated[int, Field(ge=1, description="1, 2, 3 … per bulk, without a gap.")]
    fulfillment_status: Annotated[
        Status,
        Field(
            description="Of the least advanced live member: one not cancelled, rejected, lost, "
            "returned or delivery_failed, and not at a higher attempt. Without any: the status of "
            "most members."
        ),
    ]
    previous_fulfillment_status: Annotated[Status | None, Field(description="Null at first.")]
    change: Annotated[ChangeKind, Field(description="Never correction.")]
    supersedes: Annotated[None, Field(description="Always null: a bulk is never corrected.")]
    attempt: Annotated[int, Field(ge=1, description="1, and more for a reorder.")]
    occurred_at: Annotated[Timestamp, Field(description="Of what caused it, by its sender.")]
    occurred_at_precision: Precision
    received_at: Annotated[Timestamp, Field(description="The causing record's timestamp.")]
    recorded_at: Annotated[Timestamp, Field(description="By the worker's clock, informational.")]
    reason_code: Annotated[Reason | None, Field(description="Where the cause states this status.")]
    recommended_action: Action
    evidence: Annotated[Evidence | None, Field(description="Where the cause states this status.")]
    final: Annotated[bool, Field(description="Nothing more is expected of any live member.")]
    tracked: Annotated[bool | None, Field(description="Null: unknown.")]
    vendor: Annotated[VendorSaid | None, Field(description="Who said what caused it.")]
    shipment: Annotated[Shipment, Field(description="What is said of all of it as one.")]
    total: Annotated[
        int | None,
        Field(ge=1, description="The greatest number of cards that announcements and orders name."),
    ]
    announced: Annotated[int, Field(ge=1, description="Members: cards announced so far.")]
    counts: Annotated[
        dict[_StatusName, _Members],
        Field(
            description="Members by status. Their sum is `announced`; a status without members is "
            "left out."
        ),
    ]
    is_partial: Annotated[
        bool, Field(description="Live members differ in status, or some are not announced yet.")
    ]
    exceptions: Annotated[
        int,
        Field(
            ge=0,
            description="Members in production_failed, rejected, cancelled, delivery_exception, "
            "returning, delivery_failed, returned or lost, or at a higher attempt.",
        ),
    ]
    parcels: Annotated[
        list[BulkParcel],
        Field(description=f"Boxes, in the order of their references, the first {MOST_PARCELS}."),
    ]
    discrepancies: Annotated[
        list[DiscrepancyFound],
        Field(description=f"By name, in the order of the names, the first {MOST_DISCREPANCIES}."),
    ]
    cause: CausedBy


def bulk_event_id(bulk_id: str, version: int) -> str:
    return uuid5(f"bulk_issuance:{bulk_id}:{version}")


def bulk_event(
    bulk_id: str, bulk: Bulk, change: BulkChange, recorded_at: str
) -> BulkIssuanceStatusChanged:
    now, (stated, detail, cause) = change.now, change.because
    common = bulk.common or Common(None, {})
    said = detail if stated is now.status else detail._replace(reason=None, evidence=None)
    return {
        "event_id": bulk_event_id(bulk_id, change.version),
        "subject": "bulk_issuance",
        "card_id": None,
        "bulk_issuance_id": bulk_id,
        "card_product_id": common.product,
        "reference_card_id": None,
        "labels": dict(common.labels),
        "version": change.version,
        "fulfillment_status": now.status,
        "previous_fulfillment_status": change.previous,
        "change": change.kind,
        "supersedes": None,
        "attempt": now.attempt,
        "occurred_at": iso_utc(detail.occurred_at),
        "occurred_at_precision": detail.precision,
        "received_at": iso_utc(detail.received_at),
        "recorded_at": recorded_at,
        "reason_code": said.reason,
        "recommended_action": recommended_action(now.status, said.reason),
        "evidence": said.evidence,
        "final": is_over(bulk, now),
        "tracked": is_tracked(bulk),
        "vendor": vendor_said(detail),
        "shipment": shipment(shown(bulk)),
        "total": now.total,
        "announced": now.announced,
        "counts": {status.value: n for status, n in now.counts.items()},
        "is_partial": now.is_partial,
        "exceptions": now.exceptions,
        "parcels": _parcels(bulk, now),
        "discrepancies": list(map(discrepancy_event, now.discrepancies[:MOST_DISCREPANCIES])),
        "cause": caused_by(cause),
    }


def _parcels(bulk: Bulk, now: RollUp) -> list[BulkParcel]:
    first = islice(now.parcels.items(), MOST_PARCELS)
    return [parcel_event(r, bulk.said.parcels[r], status) for r, status in first]


def parcel_event(reference: Reference, parcel: Parcel, status: Status | None) -> BulkParcel:
    return {
        "reference": reference.value,
        "vendor": reference.vendor,
        "role": "outbound",
        "carton": _carton(parcel.carton),
        "carrier": parcel.value(Attribute.CARRIER),
        "tracking_number": parcel.value(Attribute.TRACKING_NUMBER) or reference.value,
        "status": status,
        "serials": None if parcel.serials is None else _first_of(parcel.serials),
    }


def _carton(carton: tuple[int, int | None] | None) -> Carton | None:
    return None if carton is None else {"number": carton[0], "of": carton[1]}


def _first_of(ranges: Ranges) -> list[list[int]]:
    return [list(each) for each in ranges[:_MOST_NUMBERS]]


def discrepancy_event(found: Discrepancy) -> DiscrepancyFound:
    return {
        "name": found.name,
        "expected": found.expected,
        "reported": list(found.reported[:_MOST_NUMBERS]),
        "serials": _first_of(found.serials),
        "cartons": _first_of(found.cartons),
    }

"""The published event of a bulk issuance: its one status, counts, parcels and discrepancies."""

from typing import Annotated, Final, Literal

from pydantic import Field
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
from card_fulfillment.domain.facts import Attribute, AttributeValue, Evidence, Precision, Reference
from card_fulfillment.domain.journey import ChangeKind
from card_fulfillment.domain.parcels import Parcel
from card_fulfillment.domain.serials import united
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
_MOST_PARCELS: Final = 256


class BulkParcel(TypedDict):
    """A box. serials: ranges of the cards in it, both ends included; null: all cards."""

    reference: str
    vendor: str
    role: str
    carton: Annotated[str | None, Field(description="k/n, where the vendor says so.")]
    carrier: str | None
    tracking_number: str | None
    status: Status | None
    serials: list[list[int]] | None


class DiscrepancyFound(TypedDict):
    """What does not agree.

    size_conflict: announcements and orders name other sizes than the greatest. serial_past_size,
    range_past_size: the greatest serial announced or reported. serial_taken_twice: `serials`.
    quantity_mismatch: a range and the count that came with it. total_mismatch: a vendor's total.
    carton_missing: `expected` cartons, those `reported`, and in `serials` the ones not reported.
    short_shipment: all cartons are reported, and `serials` are in none of them.
    """

    name: DiscrepancyName
    expected: int | None
    reported: list[int]
    serials: list[list[int]]


class BulkIssuanceStatusChanged(TypedDict):
    """One published version of where a bulk issuance is."""

    event_id: EventId
    subject: Literal["bulk_issuance"]
    card_id: None
    bulk_issuance_id: str
    card_product_id: Annotated[str | None, Field(description="Null where the cards differ.")]
    reference_card_id: None
    labels: Annotated[dict[str, str], Field(description="Those that all its cards have.")]
    version: Annotated[int, Field(ge=1, description="1, 2, 3 … per bulk, without a gap.")]
    fulfillment_status: Annotated[Status, Field(description="The least advanced live member's.")]
    previous_fulfillment_status: Annotated[Status | None, Field(description="Null at first.")]
    change: ChangeKind
    supersedes: None
    attempt: Annotated[int, Field(ge=1)]
    occurred_at: Annotated[Timestamp, Field(description="Of what caused it, by its sender.")]
    occurred_at_precision: Precision
    received_at: Annotated[Timestamp, Field(description="The causing record's timestamp.")]
    recorded_at: Annotated[Timestamp, Field(description="By the worker's clock, informational.")]
    reason_code: Annotated[Reason | None, Field(description="Where the cause states this status.")]
    recommended_action: Action
    evidence: Evidence | None
    final: Annotated[bool, Field(description="Nothing more is expected of any live member.")]
    tracked: Annotated[bool | None, Field(description="Null: unknown.")]
    vendor: VendorSaid | None
    shipment: Shipment
    total: Annotated[int | None, Field(description="The size that issuer and orders name.")]
    announced: Annotated[int, Field(ge=1, description="Members that exist.")]
    counts: Annotated[dict[str, int], Field(description="Members by status; sum: announced.")]
    is_partial: Annotated[bool, Field(description="Live members differ, or some are missing.")]
    exceptions: Annotated[int, Field(ge=0, description="Members that went astray.")]
    parcels: Annotated[list[BulkParcel], Field(description=f"The first {_MOST_PARCELS}.")]
    discrepancies: list[DiscrepancyFound]
    cause: CausedBy


def bulk_event_id(bulk_id: str, version: int) -> str:
    return uuid5(f"bulk_issuance:{bulk_id}:{version}")


def bulk_event(
    bulk_id: str, bulk: Bulk, change: BulkChange, recorded_at: str
) -> BulkIssuanceStatusChanged:
    now, (stated, detail, cause) = change.now, change.because
    common = bulk.common or Common(None, {})
    reason = detail.reason if stated is now.status else None
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
        "reason_code": reason,
        "recommended_action": recommended_action(now.status, reason),
        "evidence": detail.evidence if stated is now.status else None,
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
        "discrepancies": [_discrepancy(each) for each in now.discrepancies],
        "cause": caused_by(cause),
    }


def _parcels(bulk: Bulk, now: RollUp) -> list[BulkParcel]:
    listed = list(now.parcels.items())[:_MOST_PARCELS]
    return [
        _parcel(reference, bulk.said.parcels[reference], status) for reference, status in listed
    ]


def _parcel(reference: Reference, parcel: Parcel, status: Status | None) -> BulkParcel:
    carrier = _value(parcel, Attribute.CARRIER)
    number = _value(parcel, Attribute.TRACKING_NUMBER)
    whole = any(line.serials is None for line in parcel.lines)
    ranges = united(line.serials for line in parcel.lines if line.serials is not None)
    return {
        "reference": reference.value,
        "vendor": reference.vendor,
        "role": "outbound",
        "carton": _carton(parcel.carton),
        "carrier": carrier if isinstance(carrier, str) else None,
        "tracking_number": number if isinstance(number, str) else reference.value,
        "status": status,
        "serials": None if whole else [list(each) for each in ranges],
    }


def _value(parcel: Parcel, name: Attribute) -> AttributeValue | None:
    register = parcel.registers.get(name)
    return register.value if register else None


def _carton(carton: tuple[int, int | None] | None) -> str | None:
    if carton is None:
        return None
    return f"{carton[0]}/{'?' if carton[1] is None else carton[1]}"


def _discrepancy(found: Discrepancy) -> DiscrepancyFound:
    return {
        "name": found.name,
        "expected": found.expected,
        "reported": list(found.reported),
        "serials": [list(each) for each in found.serials],
    }

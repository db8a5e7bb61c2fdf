"""The published event of a bulk issuance: its one status, counts, parcels and discrepancies."""

from itertools import islice
from typing import Final

from card_fulfillment.domain.bulk import (
    Bulk,
    BulkChange,
    Common,
    RollUp,
    is_tracked,
    shown,
)
from card_fulfillment.domain.discrepancies import Discrepancy
from card_fulfillment.domain.facts import Attribute
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.parcels import Parcel
from card_fulfillment.domain.serials import Ranges
from card_fulfillment.domain.status import Status, recommended_action
from card_fulfillment.messages.bulk_event_models import (
    MOST_DISCREPANCIES,
    MOST_NUMBERS,
    MOST_PARCELS,
    BulkIssuanceStatusChanged,
    BulkParcel,
    Carton,
    DiscrepancyFound,
)
from card_fulfillment.messages.event_parts import (
    caused_by,
    shipment,
    vendor_said,
)
from card_fulfillment.messages.identity import uuid5
from card_fulfillment.messages.times import iso_utc

BULK_EVENT: Final = "bulk_issuance.fulfillment_status-changed.v1"


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
        "final": now.final,
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
        "role": parcel.role,
        "carton": _carton(parcel.carton),
        "carrier": parcel.value(Attribute.CARRIER),
        "tracking_number": parcel.value(Attribute.TRACKING_NUMBER) or reference.value,
        "status": status,
        "serials": None if parcel.serials is None else _first_of(parcel.serials),
    }


def _carton(carton: tuple[int, int | None] | None) -> Carton | None:
    return None if carton is None else {"number": carton[0], "of": carton[1]}


def _first_of(ranges: Ranges) -> list[list[int]]:
    return [list(each) for each in ranges[:MOST_NUMBERS]]


def discrepancy_event(found: Discrepancy) -> DiscrepancyFound:
    return {
        "name": found.name,
        "expected": found.expected,
        "reported": list(found.reported[:MOST_NUMBERS]),
        "serials": _first_of(found.serials),
        "cartons": _first_of(found.cartons),
    }

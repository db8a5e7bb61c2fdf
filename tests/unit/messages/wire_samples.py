"""Messages as an issuer sends them, and records around them."""

import json
from typing import Any

from builders import altered
from card_fulfillment.messages.envelope import Record
from card_fulfillment.messages.inbound import ShippingTerms

# 2026-03-01T12:00:00Z, as Kafka stamped the records.
RECEIVED = 1_772_366_400_000_000

Message = dict[str, Any]


def card_created(**changed: object) -> Message:
    message = {
        "event_id": "evt-1",
        "occurred_at": "2026-03-01T09:30:00.250Z",
        "card_id": "card-1",
        "card_product_id": "gold",
    }
    return message | changed


def member_created(**changed: object) -> Message:
    return card_created(
        bulk_issuance_id="bulk-1",
        number_of_cards=500,
        serial_number=7,
        reference_card_id="card-0",
        labels={"programme": "travel", "region": "الرياض"},
    ) | dict(changed)


def embossing_requested(**changed: object) -> Message:
    message: Message = {
        "event_id": "evt-2",
        "occurred_at": "2026-03-01T10:00:00Z",
        "embossing_request_id": "emb-1",
        "card_id": "card-1",
        "vendor_id": "meridian",
        "references": [{"kind": "issuer_ref", "value": "emb-1"}],
        "shipping": {"method": "express"},
    }
    return message | changed


def record(message: object, **changed: Any) -> Record:  # noqa: ANN401 - any field of a record
    raw = Record("input", 3, 41, RECEIVED, b"a key", json.dumps(message).encode())
    return altered(raw, **changed)


def as_requested(_vendor: str, _method: str | None, tracked: bool | None) -> ShippingTerms:  # noqa: FBT001 - the port's signature
    return ShippingTerms(tracked, None)

"""The event of a card: what it has in it, and its bytes.

Most of what the worker publishes is made here, so it is made cheaply: what is ours and known to
need no escaping is written as it is, the rest is dumped at once.
"""

from typing import Final

import orjson

from card_fulfillment.domain.facts import (
    Attributes,
    CardIdentity,
    ParcelRole,
)
from card_fulfillment.domain.journey import Change
from card_fulfillment.domain.registers import shown_in
from card_fulfillment.domain.side_parcels import SideParcel
from card_fulfillment.domain.status import Status, recommended_action
from card_fulfillment.messages.event_models import Parcel
from card_fulfillment.messages.event_parts import (
    caused_by,
    shipment,
    vendor_said,
)
from card_fulfillment.messages.identity import uuid5
from card_fulfillment.messages.times import iso_utc

CARD_EVENT: Final = "card.fulfillment_status-changed.v1"


_JSON: Final[dict[bool | None, str]] = {True: "true", False: "false", None: "null"}


def card_event_id(card_id: str, version: int) -> str:
    return uuid5(f"card:{card_id}:{version}")


def card_event(card: CardIdentity, change: Change, event_id: str, recorded_at: str) -> bytes:
    """A CardStatusChanged as JSON."""
    return _ours(card, change, event_id, recorded_at) + _given(card, change)[1:]


def _ours(card: CardIdentity, change: Change, event_id: str, recorded_at: str) -> bytes:
    """The beginning, of what needs no escaping: words of ours, numbers and times."""
    detail, superseded = change.detail, change.supersedes
    # As texts: to format them as enumerations calls each one's __str__.
    status: str = change.status
    kind: str = change.kind
    precision: str = detail.precision
    action: str = recommended_action(change.status, detail.reason)
    supersedes = None if superseded is None else card_event_id(card.card_id, superseded)
    return (
        f'{{"event_id":"{event_id}","subject":"card","version":{change.version}'
        f',"fulfillment_status":"{status}"'
        f',"previous_fulfillment_status":{_word(change.previous)}'
        f',"change":"{kind}","supersedes":{_word(supersedes)},"attempt":{change.attempt}'
        f',"occurred_at":"{iso_utc(detail.occurred_at)}"'
        f',"occurred_at_precision":"{precision}"'
        f',"received_at":"{iso_utc(detail.received_at)}","recorded_at":"{recorded_at}"'
        f',"reason_code":{_word(detail.reason)}'
        f',"recommended_action":"{action}"'
        f',"evidence":{_word(detail.evidence)}'
        f',"final":{_JSON[change.final]},"tracked":{_JSON[change.tracked]},'
    ).encode()


def _parcels(change: Change) -> list[Parcel]:
    """The one that brings the card, and those beside it."""
    outbound = _parcel(ParcelRole.OUTBOUND, change.attributes, change.status)
    return [
        outbound,
        *(_beside(role, parcel) for role, parcel in sorted(change.parcels.items())),
    ]


def _beside(role: ParcelRole, parcel: SideParcel) -> Parcel:
    """As in the last attempt that has one: that of an attempt before was another letter."""
    claim = parcel.claim
    attempts = [register.attempt for register in parcel.registers.values()]
    attempt = max(attempts if claim is None else [*attempts, claim.key.attempt], default=0)
    status = claim.key.status if claim and claim.key.attempt == attempt else None
    return _parcel(role, shown_in(attempt, parcel.registers), status)


def _parcel(role: ParcelRole, attributes: Attributes, status: Status | None) -> Parcel:
    sent = shipment(attributes)
    return {
        "role": role,
        "carrier": sent["carrier"],
        "tracking_number": sent["tracking_number"],
        "status": status,
    }


def _word(word: str | None) -> str:
    return "null" if word is None else f'"{word}"'


def _given(card: CardIdentity, change: Change) -> bytes:
    """An object of the texts that issuer and vendors gave, which may need escaping."""
    return orjson.dumps(
        {
            "card_id": card.card_id,
            "bulk_issuance_id": card.bulk_issuance_id,
            "card_product_id": card.card_product_id,
            "reference_card_id": card.reference_card_id,
            "labels": dict(card.labels),
            "vendor": vendor_said(change.detail),
            "shipment": shipment(change.attributes),
            "cause": caused_by(change.cause),
            "parcels": _parcels(change) if change.parcels else [],
        }
    )

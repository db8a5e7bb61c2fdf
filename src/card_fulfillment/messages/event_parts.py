"""What the events of cards and of bulk issuances have in common."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict  # pydantic wants this one below Python 3.12

from card_fulfillment.domain.claims import Detail
from card_fulfillment.domain.facts import Attribute, AttributeValue, Cause, ParcelRole
from card_fulfillment.domain.status import Status

EventId = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class VendorSaid(TypedDict):
    """Who stated the status, with the vendor's own code and text for it."""

    id: str
    code: str | None
    text: str | None


class Shipment(TypedDict):
    method: str | None
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    estimated_delivery: str | None


class Parcel(TypedDict):
    """One of several parcels of a card; status: null where only its number is known."""

    role: ParcelRole
    carrier: str | None
    tracking_number: str | None
    status: Status | None


class CausedBy(TypedDict):
    """The record that the change came with."""

    event_id: str | None
    topic: str
    partition: int
    offset: int


def vendor_said(detail: Detail) -> VendorSaid | None:
    if detail.vendor is None:
        return None
    return {"id": detail.vendor, "code": detail.code, "text": detail.text}


def shipment(attributes: Mapping[Attribute, AttributeValue]) -> Shipment:
    return {
        "method": _text(attributes, Attribute.METHOD),
        "carrier": _text(attributes, Attribute.CARRIER),
        "tracking_number": _text(attributes, Attribute.TRACKING_NUMBER),
        "tracking_url": _text(attributes, Attribute.TRACKING_URL),
        "estimated_delivery": _text(attributes, Attribute.ESTIMATED_DELIVERY),
    }


def _text(attributes: Mapping[Attribute, AttributeValue], name: Attribute) -> str | None:
    value = attributes.get(name)
    return value if isinstance(value, str) else None


def caused_by(cause: Cause) -> CausedBy:
    return {
        "event_id": cause.event_id,
        "topic": cause.topic,
        "partition": cause.partition,
        "offset": cause.offset,
    }

"""What the events of cards and of bulk issuances have in common."""

from card_fulfillment.domain.detail import Detail
from card_fulfillment.domain.facts import Attribute, Attributes, Cause
from card_fulfillment.messages.event_models import CausedBy, Shipment, VendorSaid


def vendor_said(detail: Detail) -> VendorSaid | None:
    if detail.vendor is None:
        return None
    return {"id": detail.vendor, "code": detail.code, "text": detail.text}


def shipment(attributes: Attributes) -> Shipment:
    return {
        "method": _text(attributes, Attribute.METHOD),
        "carrier": _text(attributes, Attribute.CARRIER),
        "tracking_number": _text(attributes, Attribute.TRACKING_NUMBER),
        "tracking_url": _text(attributes, Attribute.TRACKING_URL),
        "estimated_delivery": _text(attributes, Attribute.ESTIMATED_DELIVERY),
    }


def _text(attributes: Attributes, name: Attribute) -> str | None:
    value = attributes.get(name)
    return value if isinstance(value, str) else None


def caused_by(cause: Cause) -> CausedBy:
    return {
        "event_id": cause.event_id,
        "topic": cause.topic,
        "partition": cause.partition,
        "offset": cause.offset,
    }

"""The issuer's own messages, card-created and embossing-requested: bytes to statements.

Decoding never raises: what cannot be read or breaks a bound is refused, by its first fault.
"""

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from card_fulfillment.domain.detail import Detail, Precision
from card_fulfillment.domain.facts import (
    DAY,
    Announcement,
    Attribute,
    AttributeValue,
    CardIdentity,
    Cause,
    Fact,
    Order,
)
from card_fulfillment.domain.naming import (
    ISSUER,
    OWN_KIND,
    Reference,
    Subject,
    bulk_issuance,
    card,
    own_reference,
)
from card_fulfillment.domain.status import Status
from card_fulfillment.domain.value import Value
from card_fulfillment.messages.cloud_events import CloudEvent, payload, traceparent
from card_fulfillment.messages.envelope import Ignored, Record, RefusalReason, Refused
from card_fulfillment.messages.identity import digest
from card_fulfillment.messages.inbound_models import (
    CardCreated,
    EmbossingRequested,
    ListedReference,
    Shipping,
)
from card_fulfillment.messages.times import LATEST_RECORD, to_micros


class ShippingTerms(Value):
    """What a shipping method means. tracked: null is unknown; carrier: null is not fixed."""

    __match_args__ = ("tracked", "carrier")

    def __init__(self, tracked: bool | None, carrier: str | None) -> None:  # noqa: FBT001 - a field
        self.tracked: Final = tracked
        self.carrier: Final = carrier


class ShippingLookup(Protocol):
    def __call__(self, vendor: str, method: str | None, tracked: bool | None, /) -> ShippingTerms:  # noqa: FBT001 - what the request said
        """Return the terms of a vendor's method; `tracked` is what the request itself says.

        Must answer for any vendor, also one without a profile. Never blocks, never raises.
        """
        ...


def decode_card_created(record: Record) -> Announcement | Ignored | Refused:
    """One record of the card-created topic; a virtual card is ignored."""
    said = _read(_card_created, record)
    if isinstance(said, Refused):
        return said
    if said["card_type"] == "VIRTUAL":
        return Ignored("card_type", "a virtual card")
    if said["serial_number"] is not None and said["bulk_issuance_id"] is None:
        return _malformed("serial_number", "A serial number needs a bulk_issuance_id")
    stated = to_micros(said["occurred_at"])
    return _time_refused(stated, record) or _announcement(said, stated, record)


def decode_embossing_requested(record: Record, shipping: ShippingLookup) -> Order | Refused:
    """One record of the embossing-requested topic.

    What `shipping` answers is no part of the statement's content: a new profile is no conflict.
    """
    said = _read(_embossing_requested, record)
    if isinstance(said, Refused):
        return said
    subject = _subject(said)
    if isinstance(subject, Refused):
        return subject
    listed, stated = _listed(said), to_micros(said["occurred_at"])
    return (
        _names_refused(listed, subject)
        or _time_refused(stated, record)
        or _order(said, subject, listed, stated, record, shipping)
    )


_Said = TypeVar("_Said", CardCreated, EmbossingRequested)

_card_created: Final[Callable[[bytes], CardCreated]] = TypeAdapter(
    CardCreated
).validator.validate_json
_embossing_requested: Final[Callable[[bytes], EmbossingRequested]] = TypeAdapter(
    EmbossingRequested
).validator.validate_json
_FIELDS: Final = frozenset(
    name
    for model in (CloudEvent, CardCreated, EmbossingRequested, ListedReference, Shipping)
    for name in model.__annotations__
)


def _read(parse: Callable[[bytes], _Said], record: Record) -> _Said | Refused:
    if not record.value:
        return Refused(RefusalReason.EMPTY, "", "The record has no value")
    try:
        data = payload(record, record.value)
        said = parse(data)
    except ValidationError as error:
        return _first_of(error)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return _malformed("", "Not a CloudEvent that can be read")
    return said if _is_json(data) else _malformed("", "NaN and Infinity are no JSON")


def _is_json(parsed: bytes) -> bool:
    """Whether all numbers are: the parser of the models takes NaN where no field is read."""
    # Not `in`, which tries what it looks for as a number first, and fails each time.
    if parsed.find(b"NaN") < 0 and parsed.find(b"Infinity") < 0:
        return True
    try:
        orjson.loads(parsed)
    except ValueError:
        return False
    return True


def _first_of(error: ValidationError) -> Refused:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return _malformed(".".join(_step(each) for each in first["loc"]), first["msg"])


def _step(step: int | str) -> str:
    """Names of the contract and positions only: a label's name belongs to the payload."""
    return str(step) if isinstance(step, int) or step in _FIELDS else "*"


def _malformed(field_path: str, message: str) -> Refused:
    return Refused(RefusalReason.MALFORMED, field_path, message)


def _time_refused(stated: int, record: Record) -> Refused | None:
    if record.timestamp >= LATEST_RECORD:
        return _malformed("", "The record's timestamp is after the year 2100")
    if stated > record.timestamp + DAY:
        message = "More than 24 hours after the record's timestamp"
        return Refused(RefusalReason.FUTURE_TIME, "occurred_at", message)
    return None


def _listed(said: EmbossingRequested) -> list[Reference]:
    """The references without the blanks around their values, as vendors' own are read."""
    return [
        Reference(
            each["vendor_id"] or said["vendor_id"],
            each["kind"],
            each["value"].strip() or each["value"],
        )
        for each in said["references"]
    ]


def _names_refused(listed: list[Reference], subject: Subject) -> Refused | None:
    """Our own ids mean their cards and bulks and nobody else; a request gives none of them away."""
    for place, each in enumerate(listed):
        if each.vendor == ISSUER:
            return _malformed(f"references.{place}.vendor_id", "The issuer gives no such names")
        if each.kind == OWN_KIND and each.value != subject.id:
            return _malformed(f"references.{place}.value", "The id of another card or bulk")
    return None


def _subject(said: EmbossingRequested) -> Subject | Refused:
    card_id, bulk_issuance_id = said["card_id"], said["bulk_issuance_id"]
    if card_id is not None and bulk_issuance_id is not None:
        return _malformed("bulk_issuance_id", "Either card_id or bulk_issuance_id, not both")
    if card_id is not None:
        return card(card_id)
    if bulk_issuance_id is not None:
        return bulk_issuance(bulk_issuance_id)
    return _malformed("card_id", "One of card_id and bulk_issuance_id is required")


def _announcement(said: CardCreated, stated: int, record: Record) -> Announcement:
    event_id = said["event_id"]
    identity = CardIdentity(
        said["card_id"],
        said["card_product_id"],
        said["reference_card_id"],
        said["bulk_issuance_id"],
        said["serial_number"],
        said["labels"] or {},
    )
    fact = Fact(
        digest(("card-created", event_id)),
        _content(said, {"occurred_at": stated}),
        Status.CREATED,
        Detail(stated, Precision.SECOND, record.timestamp),
        _cause(event_id, record),
    )
    return Announcement(fact, identity, said["number_of_cards"])


def _order(
    said: EmbossingRequested,
    subject: Subject,
    listed: list[Reference],
    stated: int,
    record: Record,
    shipping: ShippingLookup,
) -> Order:
    event_id, vendor = said["event_id"], said["vendor_id"]
    method, tracked = said["shipping"]["method"], said["shipping"]["tracked"]
    decoded = {
        "occurred_at": stated,
        "references": [each.values() for each in listed],
        "shipping": (method, tracked),
    }
    fact = Fact(
        digest(("embossing-requested", event_id)),
        _content(said, decoded),
        Status.ORDERED,
        Detail(stated, Precision.SECOND, record.timestamp, vendor=vendor),
        _cause(event_id, record),
        attributes=_attributes(method, shipping(vendor, method, tracked)),
    )
    references = tuple(dict.fromkeys([*listed, own_reference(vendor, subject.id)]))
    return Order(fact, subject, said["attempt"], vendor, references, said["number_of_cards"])


def _content(said: CardCreated | EmbossingRequested, decoded: dict[str, object]) -> bytes:
    """Null or empty is unsaid, so that a field added later leaves older digests as they are."""
    content = {name: value for name, value in said.items() if value}
    content.update(decoded)
    return digest(content)


def _cause(event_id: str, record: Record) -> Cause:
    context = traceparent(record) if record.headers else None
    return Cause(event_id, record.topic, record.partition, record.offset, context)


def _attributes(method: str, terms: ShippingTerms) -> dict[Attribute, AttributeValue]:
    attributes: dict[Attribute, AttributeValue] = {Attribute.METHOD: method}
    if terms.tracked is not None:
        attributes[Attribute.TRACKED] = terms.tracked
    if terms.carrier is not None:
        attributes[Attribute.CARRIER] = terms.carrier
    return attributes

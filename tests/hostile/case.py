"""A hostile record: what it is made of, and what must become of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.batch import RecordClass

CREATED: Final = "card-created"
REQUESTED: Final = "embossing-requested"
TRACKED: Final = "perso-vendor-tracking-meridian"
TOPICS: Final = (CREATED, REQUESTED, TRACKED)

# 2026-03-01T12:00:00Z in milliseconds: the timestamp of every hostile record.
SENT_AT: Final = 1_772_366_400_000
ON_TIME: Final = "2026-03-01T09:30:00Z"

Message = dict[str, Any]
Refusals = tuple[tuple[RefusalReason, str], ...]
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """topic: without an installation's prefix. became: of the record, after good ones before it.

    refusals: reason and field path of every dead letter, in any order. secret: what of it must be
    nowhere afterwards, as text.
    """

    name: str
    topic: str
    value: bytes | None = field(repr=False)
    became: RecordClass
    refusals: Refusals = ()
    key: bytes | None = field(default=b"hostile", repr=False)
    headers: Headers = field(default=(), repr=False)
    secret: str | None = None


def _id(name: str) -> str:
    return f"hostile/{name.replace(' ', '-')}"


def created(name: str, **changed: object) -> Message:
    """A message that announces a card of its own, but for what is changed."""
    own_id = _id(name)
    message = {
        "event_id": own_id,
        "occurred_at": ON_TIME,
        "card_id": own_id,
        "card_product_id": "gold",
    }
    return message | changed


def requested(name: str, **changed: object) -> Message:
    """A request for a card that nobody announced."""
    own_id = _id(name)
    message: Message = {
        "event_id": own_id,
        "occurred_at": ON_TIME,
        "embossing_request_id": own_id,
        "card_id": f"unannounced/{own_id}",
        "vendor_id": "meridian",
        "references": [],
        "shipping": {"method": "express"},
    }
    return message | changed


def notified(name: str, *, state: object = "PERSO_DONE", **changed: object) -> Message:
    """A vendor's notification about a card that nobody ordered."""
    notification = {
        "opId": name,
        "startedAt": ON_TIME,
        "card": _id(name),
        "detail": {"state": state},
    }
    return notification | changed


def tracking(*notifications: object) -> Message:
    return {"notifications": list(notifications)}


def as_json(message: object) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


def good(
    name: str,
    topic: str,
    message: object,
    became: RecordClass | None = None,
    **more: Any,  # noqa: ANN401 - any other field of a case
) -> Case:
    """Legal, however odd it looks: a card is created, of others something is still to come."""
    default = RecordClass.APPLIED if topic == CREATED else RecordClass.PARKED
    value = message if isinstance(message, bytes) else as_json(message)
    return Case(name=name, topic=topic, value=value, became=became or default, **more)


def bad(
    name: str,
    topic: str,
    message: object,
    path: str = "",
    reason: RefusalReason = RefusalReason.MALFORMED,
    **more: Any,  # noqa: ANN401 - any other field of a case
) -> Case:
    """To quarantine, whole."""
    value = message if isinstance(message, bytes | None) else as_json(message)
    return Case(
        name=name,
        topic=topic,
        value=value,
        became=RecordClass.QUARANTINED,
        refusals=((reason, path),),
        **more,
    )


def everywhere(
    name: str,
    value: bytes | None,
    reason: RefusalReason = RefusalReason.MALFORMED,
    **more: Any,  # noqa: ANN401 - any other field of a case
) -> Iterator[Case]:
    """The same bytes on every input topic."""
    for topic in TOPICS:
        yield bad(f"{name}, on {topic}", topic, value, "", reason, **more)


def no_object(name: str, value: bytes) -> Iterator[Case]:
    """JSON, but no object: a vendor's profile looks for its list."""
    yield bad(f"{name}, on {CREATED}", CREATED, value)
    yield bad(f"{name}, on {REQUESTED}", REQUESTED, value)
    yield bad(f"{name}, on {TRACKED}", TRACKED, value, "notifications")

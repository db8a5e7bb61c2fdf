"""CloudEvents 1.0 over Kafka: finding the payload, and the sender's context in the headers."""

import re
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from card_fulfillment.messages.envelope import Record

_STRUCTURED: Final = b"application/cloudevents+json"
# W3C Trace Context; version ff and ids of zeros alone are invalid.
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


class CloudEvent(BaseModel):
    """What is read of one in structured mode."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1)]
    time: str | None = None
    data: dict[str, Any]


def header(record: Record, name: str) -> bytes | None:
    """Return the first header of that name; Kafka allows repeats."""
    for each, value in record.headers:
        if each == name:
            return value
    return None


def traceparent(record: Record) -> str | None:
    """Of the record's own header, or of the CloudEvent that it is."""
    value = header(record, "traceparent") or header(record, "ce_traceparent")
    if not value and _is_structured(record):
        value = _in_envelope(record)
    return value.decode() if value and _TRACEPARENT.fullmatch(value) else None


def _is_structured(record: Record) -> bool:
    return (header(record, "content-type") or b"").lower().startswith(_STRUCTURED)


def _in_envelope(record: Record) -> bytes | None:
    try:
        event: object = orjson.loads(record.value or b"")
    except ValueError:
        return None
    told = event.get("traceparent") if isinstance(event, dict) else None
    return told.encode() if isinstance(told, str) else None


def payload(record: Record, value: bytes) -> bytes:
    """Return the message's JSON.

    A CloudEvent's id and time stand in for `event_id` and `occurred_at` where the data has none.
    Raises ValueError or TypeError where a CloudEvent cannot be read.
    """
    if not record.headers:
        return value
    if _is_structured(record):
        event = CloudEvent.model_validate(orjson.loads(value))
        return _completed(event.data, event.id, event.time)
    event_id = header(record, "ce_id")
    if event_id is None:
        return value
    time = header(record, "ce_time")
    return _completed(orjson.loads(value), event_id.decode(), time.decode() if time else None)


def _completed(data: object, event_id: str, time: str | None) -> bytes:
    if isinstance(data, dict):
        if data.get("event_id") is None:
            data["event_id"] = event_id
        if time is not None and data.get("occurred_at") is None:
            data["occurred_at"] = time
    return orjson.dumps(data)

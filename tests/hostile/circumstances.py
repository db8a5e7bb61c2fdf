"""What comes around a message: keys, headers, wrappings, and messages of other topics."""

from collections.abc import Iterator
from typing import Final

from card_fulfillment.messages.envelope import RefusalReason

from .case import (
    CREATED,
    ON_TIME,
    REQUESTED,
    TRACKED,
    Case,
    Headers,
    as_json,
    bad,
    created,
    good,
    no_object,
    notified,
    requested,
    tracking,
)

_STRUCTURED: Final = (("content-type", b"application/cloudevents+json; charset=utf-8"),)


def cases() -> Iterator[Case]:
    yield from _keys()
    yield from _headers()
    yield from _too_many_headers()
    yield from _cloud_events()
    yield from _foreign()


def _keys() -> Iterator[Case]:
    for name, key in {
        "no key": None,
        "an empty key": b"",
        "a key of zeros": b"\x00" * 16,
        "a key that is no text": b"\xff\xfe\xc0\xaf",
        "a long key": b"k" * 30_000,
        "a key with a line break": b"a\nlevel=error",
        "a key of another card": b"card-0000001",
        "a key that is a template": b"{{7*7}}'; DROP TABLE card; --",
    }.items():
        slug = name.replace(" ", "-")
        yield good(name, CREATED, created(f"key/{slug}"), key=key)
        yield bad(f"{name}, and no message", CREATED, b"{", key=key)


def _headers() -> Iterator[Case]:
    broken: dict[str, Headers] = {
        "no name": (("", b"x"),),
        "no value": (("traceparent", b""),),
        "binary": (("x", bytes(range(256))),),
        "the same twice": (("a", b"1"), ("a", b"2")),
        "a name in another script": (("الرياض", b"x"),),
        "a name with a line break": (("a\nb", b"c\r\nd: e"),),
        "64 of them": tuple((f"h{number}", b"x") for number in range(64)),
        "a traceparent of zeros": (
            ("traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00"),
        ),
        "a broken traceparent": (("traceparent", b"00-xyz"),),
        "a traceparent that goes on": (
            ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nx: y"),
        ),
        "a content type that lies": (("content-type", b"application/x-protobuf"),),
        "a content type that is none": (("content-type", b"\xff/\xfe"),),
        "an encoding that lies": (("content-encoding", b"gzip"),),
        "a lane of ours": (("lane", b"0"), ("seq", b"99999999999999999999")),
    }
    for name, headers in broken.items():
        slug = name.replace(" ", "-")
        yield good(f"headers: {name}", CREATED, created(f"headers/{slug}"), headers=headers)
        notification = notified(f"headers/{slug}")
        yield good(f"headers of a vendor: {name}", TRACKED, tracking(notification), headers=headers)


def _too_many_headers() -> Iterator[Case]:
    too_large = RefusalReason.TOO_LARGE
    for count in (65, 5_000):
        headers = tuple((f"h{number}", b"x") for number in range(count))
        message = created(f"headers/{count}")
        yield bad(f"{count} headers", CREATED, message, "headers", too_large, headers=headers)
    headers = (("a", b"x" * 16_384),)
    yield bad("a header too large", CREATED, created("h"), "headers", too_large, headers=headers)
    headers = (("a" * 16_385, b""),)
    yield bad("a name too large", CREATED, created("h"), "headers", too_large, headers=headers)


def _cloud_events() -> Iterator[Case]:
    said = created("cloud")
    named = (("ce_id", b"another"), ("ce_time", b"1970-01-01T00:00:00Z"))
    yield good("a ce_id that is another", CREATED, said, headers=named)
    nameless = {k: v for k, v in created("nameless").items() if k != "event_id"}
    yield bad("a ce_id that is no text", CREATED, nameless, "", headers=(("ce_id", b"\xff"),))
    yield bad("an empty ce_id", CREATED, nameless, "event_id", headers=(("ce_id", b""),))
    yield bad("a ce_id with a NUL", CREATED, nameless, "event_id", headers=(("ce_id", b"a\x00"),))
    yield bad("a ce_id too long", CREATED, nameless, "event_id", headers=(("ce_id", b"x" * 129),))
    timeless = {k: v for k, v in created("timeless").items() if k != "occurred_at"}
    odd = (("ce_id", b"x"), ("ce_time", b"\xff"))
    yield bad("a ce_time that is no text", CREATED, timeless, "", headers=odd)
    odd = (("ce_id", b"x"), ("ce_time", b"now"))
    yield bad("a ce_time that is no time", CREATED, timeless, "occurred_at", headers=odd)
    yield bad("a ce_id and no JSON", CREATED, b"{", headers=(("ce_id", b"x"),))
    yield bad("a ce_id and a list", CREATED, b"[]", headers=(("ce_id", b"x"),))
    wrapped = {"specversion": "1.0", "id": "hostile/wrapped", "time": ON_TIME}
    for name, value in {
        "an event that is none": said,
        "an event without data": wrapped,
        "an event with data that are a text": wrapped | {"data": "{}"},
        "an event with data in base64": wrapped | {"data_base64": "e30="},
        "an event of version 2.0": wrapped | {"specversion": "2.0", "data": said},
        "an event with a number for an id": wrapped | {"id": 7, "data": said},
        "an event in an event": [wrapped],
    }.items():
        yield bad(name, CREATED, value, _EVENT_PATHS[name], headers=_STRUCTURED)
    inner = {k: v for k, v in created("wrapped").items() if k != "event_id"}
    yield good("an event", CREATED, wrapped | {"data": inner}, headers=_STRUCTURED)
    yield bad("an event that does not say so", CREATED, wrapped | {"data": said}, "event_id")


_EVENT_PATHS: Final = {
    "an event that is none": "specversion",
    "an event without data": "data",
    "an event with data that are a text": "data",
    "an event with data in base64": "data",
    "an event of version 2.0": "specversion",
    "an event with a number for an id": "id",
    "an event in an event": "",
}


def _foreign() -> Iterator[Case]:
    """A valid message of another topic, which an honest producer can send in rare accidents."""
    yield bad("a request among cards", CREATED, requested("foreign"), "card_product_id")
    yield bad("a card among requests", REQUESTED, created("foreign"), "embossing_request_id")
    vendors = tracking(notified("foreign"))
    yield bad("a vendor's message among cards", CREATED, vendors, "event_id")
    yield bad("a vendor's message among requests", REQUESTED, vendors, "event_id")
    yield bad("a card among a vendor's messages", TRACKED, created("foreign"))
    yield bad("a request among a vendor's messages", TRACKED, requested("foreign"))
    patch = [{"op": "replace", "path": "/card_id", "value": "x"}]
    yield from no_object("a JSON patch", as_json(patch))
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}
    yield bad("a JSON schema", CREATED, schema, "event_id")
    changed = {"before": None, "after": created("debezium"), "op": "c", "ts_ms": 1_772_366_400_000}
    yield bad("a captured row", CREATED, changed, "event_id")
    connect = {"schema": {"type": "struct"}, "payload": created("connect")}
    yield bad("a connector's envelope", CREATED, connect, "event_id")
    ours = {"event_id": "x", "subject": "card", "card_id": "x", "version": 1}
    yield bad("an event of our own output", CREATED, ours, "occurred_at")
    yield bad("a JSON text of a message", CREATED, as_json(as_json(created("text")).decode()))

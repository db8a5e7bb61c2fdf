"""Every bound of the issuer's messages: what is just within it, and what is just past it."""

from typing import Any

import pytest
from wire_samples import (
    Message,
    as_requested,
    card_created,
    embossing_requested,
    member_created,
    record,
)

from card_fulfillment.domain.facts import Announcement, Order
from card_fulfillment.messages.envelope import Record, RefusalReason, Refused
from card_fulfillment.messages.inbound import decode_card_created, decode_embossing_requested


def labels(count: int) -> dict[str, str]:
    return {f"label {number}": "x" for number in range(count)}


def references(count: int) -> list[Message]:
    return [{"kind": "issuer_ref", "value": str(number)} for number in range(count)]


def reference(**changed: object) -> list[Message]:
    return [{"kind": "issuer_ref", "value": "emb-1"} | changed]


GOOD_IDS = ["x", "x" * 128, "!~", "urn:uuid:6f0d9a52-43c5-4a0e-9d0b-8a5b7f3c1e64", "a/b+c=\"'<>"]
BAD_IDS = ["", "x" * 129, "a b", " a", "a\n", "a\x00", "\x1f", "\x7f", "kärt", "\u200b", 7, None]
GOOD_TIMES = [
    "2000-01-01T00:00:00Z",
    "2026-03-01T09:30:00+04:00",
    "2026-03-01t09:30:00.123456789z",
    "2026-03-01 09:30:00-00:00",
    "2026-03-01T09:30Z",
]
BAD_TIMES = [
    "1999-12-31T23:59:59.999999Z",
    "2101-01-01T00:00:00Z",
    "2026-03-01T09:30:00",
    "2026-03-01",
    "2026-02-30T09:30:00Z",
    "2026-03-01T24:00:00Z",
    "2026-03-01T09:30:00+24:00",
    "0001-01-01T00:00:00+05:00",
    "9999-12-31T23:59:59-23:00",
    "1772366400",
    "-1772366400",
    "Z" * 100_000,
    "",
    1_772_366_400,
    1.5,
    True,
    None,
]
GOOD_SLUGS = ["a", "0", "meridian", "a_b-c9", "x" * 64]
BAD_SLUGS = ["", "x" * 65, "Meridian", "_a", "-a", "a b", "a.b", "a\n", "é", "a\x00", 1]
BAD_TEXT = ["a\x00", "a\nb", "a\u2028b", "a\u200bb", "a\x85", "\ufeff", 1, True]


CARD_BOUNDS: list[tuple[str, list[Any], list[Any]]] = [
    ("event_id", GOOD_IDS, BAD_IDS),
    ("occurred_at", GOOD_TIMES, BAD_TIMES),
    ("card_id", GOOD_IDS, BAD_IDS),
    ("card_product_id", GOOD_IDS, BAD_IDS),
    ("card_type", ["PHYSICAL"], ["physical", "", "OTHER", None, 1]),
    ("reference_card_id", [*GOOD_IDS, None], [each for each in BAD_IDS if each is not None]),
    ("number_of_cards", [1, 1_000_000, None], [0, -1, 1_000_001, 2**63, 2**80, "5", 5.0, True]),
    ("serial_number", [1, 10_000_000, None], [0, -1, 10_000_001, 2**64, "5", 1.0, False]),
    ("labels", [{}, labels(16), {"k" * 64: "v" * 256}, None], [labels(17), [], "x", 1]),
]
ORDER_BOUNDS: list[tuple[str, list[Any], list[Any]]] = [
    ("event_id", GOOD_IDS, BAD_IDS),
    ("occurred_at", GOOD_TIMES, BAD_TIMES),
    ("embossing_request_id", GOOD_IDS, BAD_IDS),
    ("card_id", GOOD_IDS, BAD_IDS),
    ("attempt", [1, 1000], [0, -1, 1001, 2**70, "1", 1.0, True, None]),
    ("vendor_id", GOOD_SLUGS, BAD_SLUGS),
    ("references", [[], references(32)], [references(33), {}, "x", None]),
    ("shipping", [{"method": "express"}], [None, "express", []]),
    ("number_of_cards", [1, 1_000_000, None], [0, 1_000_001, 2**63, "5", 5.0]),
]


def within(bounds: list[tuple[str, list[Any], list[Any]]]) -> list[tuple[str, Any]]:
    return [(field, value) for field, good, _bad in bounds for value in good]


def past(bounds: list[tuple[str, list[Any], list[Any]]]) -> list[tuple[str, Any]]:
    return [(field, value) for field, _good, bad in bounds for value in bad]


def shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:20]}... ({len(text)})"


def refused(decoded: object) -> Refused:
    assert isinstance(decoded, Refused)
    assert decoded.reason is RefusalReason.MALFORMED
    assert decoded.message
    return decoded


@pytest.mark.parametrize(("field", "value"), within(CARD_BOUNDS), ids=shown)
def test_a_card_within_its_bounds_is_announced(field: str, value: object) -> None:
    message = member_created(**{field: value})
    assert isinstance(decode_card_created(record(message)), Announcement)


@pytest.mark.parametrize(("field", "value"), past(CARD_BOUNDS), ids=shown)
def test_a_card_past_a_bound_is_refused_by_the_fields_name(field: str, value: object) -> None:
    message = member_created(**{field: value})
    assert refused(decode_card_created(record(message))).field_path == field


@pytest.mark.parametrize(("field", "value"), within(ORDER_BOUNDS), ids=shown)
def test_an_order_within_its_bounds_is_taken(field: str, value: object) -> None:
    message = embossing_requested(**{field: value})
    assert isinstance(decode_embossing_requested(record(message), as_requested), Order)


@pytest.mark.parametrize(("field", "value"), past(ORDER_BOUNDS), ids=shown)
def test_an_order_past_a_bound_is_refused_by_the_fields_name(field: str, value: object) -> None:
    message = embossing_requested(**{field: value})
    decoded = decode_embossing_requested(record(message), as_requested)
    assert refused(decoded).field_path == field


@pytest.mark.parametrize("field", ["event_id", "occurred_at", "card_id", "card_product_id"])
def test_a_card_needs_its_fields(field: str) -> None:
    message = card_created()
    del message[field]
    assert refused(decode_card_created(record(message))).field_path == field


@pytest.mark.parametrize(
    "field", ["event_id", "occurred_at", "embossing_request_id", "vendor_id", "shipping", "card_id"]
)
def test_an_order_needs_its_fields(field: str) -> None:
    message = embossing_requested()
    del message[field]
    decoded = decode_embossing_requested(record(message), as_requested)
    assert refused(decoded).field_path == field


@pytest.mark.parametrize(
    ("found", "path"),
    [
        *[({"labels": {"region": bad}}, "labels.*") for bad in ["v" * 257, *BAD_TEXT]],
        *[({"labels": {bad: "x"}}, "labels.*.*") for bad in ["", "k" * 65, "a\x00", "a\nb"]],
    ],
)
def test_a_bad_label_is_refused_without_telling_its_name(found: Message, path: str) -> None:
    decoded = refused(decode_card_created(record(card_created(**found))))
    assert decoded.field_path == path


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        *[({"references": reference(kind=bad)}, "references.0.kind") for bad in BAD_SLUGS],
        *[
            ({"references": reference(vendor_id=bad)}, "references.0.vendor_id")
            for bad in BAD_SLUGS
        ],
        *[
            ({"references": reference(value=bad)}, "references.0.value")
            for bad in ["", "v" * 257, *BAD_TEXT]
        ],
        ({"references": [*reference(), *reference(kind="")]}, "references.1.kind"),
        ({"references": ["emb-1"]}, "references.0"),
        *[({"shipping": {"method": bad}}, "shipping.method") for bad in ["", "m" * 65, *BAD_TEXT]],
        ({"shipping": {}}, "shipping.method"),
        ({"shipping": {"method": "post", "tracked": "yes"}}, "shipping.tracked"),
        ({"shipping": {"method": "post", "tracked": 0}}, "shipping.tracked"),
        ({"bulk_issuance_id": "a b"}, "bulk_issuance_id"),
    ],
)
def test_what_is_inside_an_order_has_bounds_too(changed: Message, path: str) -> None:
    decoded = decode_embossing_requested(record(embossing_requested(**changed)), as_requested)
    assert refused(decoded).field_path == path


@pytest.mark.parametrize("value", ["v" * 256, "الرياض 12", "x y/z"])
def test_a_reference_is_any_visible_text(value: str) -> None:
    message = embossing_requested(references=reference(value=value))
    decoded = decode_embossing_requested(record(message), as_requested)
    assert isinstance(decoded, Order)
    assert decoded.references[0].value == value


def test_a_serial_number_needs_a_bulk_issuance() -> None:
    decoded = refused(decode_card_created(record(card_created(serial_number=1))))
    assert decoded.field_path == "serial_number"


def test_an_order_is_for_a_card_or_a_bulk_issuance_and_not_both() -> None:
    both = embossing_requested(bulk_issuance_id="bulk-1")
    decoded = decode_embossing_requested(record(both), as_requested)
    assert refused(decoded).field_path == "bulk_issuance_id"


def test_only_the_first_thing_wrong_is_told() -> None:
    decoded = refused(decode_card_created(record({"card_id": 1, "labels": {"a": 1, "b": 2}})))
    assert decoded.field_path == "event_id"


VALID = b'{"event_id":"e","occurred_at":"2026-03-01T09:30:00Z","card_id":"c","card_product_id":"p",'
HOSTILE = {
    "no json": b"card-1",
    "cut short": VALID,
    "nothing but space": b"  \n",
    "deep array": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "deep in an unknown field": VALID + b'"x":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "invalid utf-8": VALID + b'"reference_card_id":"\xff\xfe"}',
    "overlong utf-8": VALID + b'"reference_card_id":"\xc0\x80"}',
    "utf-8 surrogate": VALID + b'"reference_card_id":"\xed\xa0\x80"}',
    "byte order mark": b"\xef\xbb\xbf" + VALID[:-1] + b"}",
    "utf-16": (VALID[:-1] + b"}").decode().encode("utf-16"),
    "lone surrogate": VALID + b'"reference_card_id":"\\ud800"}',
    "lone surrogate in a label": VALID + b'"labels":{"a":"\\udfff"}}',
    "lone surrogate as a label": VALID + b'"labels":{"\\ud800":"a"}}',
    "nan": VALID + b'"number_of_cards":NaN}',
    "infinity": VALID + b'"number_of_cards":-Infinity}',
    "nan in an unknown field": VALID + b'"labels":{"a":"NaN"},"x":[NaN]}',
    "infinity in an unknown field": VALID + b'"x":-Infinity}',
    "huge float": VALID + b'"number_of_cards":1e999}',
    "huge integer": VALID + b'"number_of_cards":' + b"9" * 60_000 + b"}",
    "null": b"null",
    "array": b"[]",
    "text": b'"x"',
    "number": b"1",
    "two documents": VALID[:-1] + b"}{}",
    "thousands of bad labels": VALID
    + b'"labels":{'
    + b",".join(b'"%d":1' % number for number in range(7000))
    + b"}}",
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("content-type", b"application/cloudevents+json"),),
        (("ce_id", b"evt-1"), ("ce_time", b"2026-03-01T09:30:00Z")),
    ],
    ids=["plain", "structured", "binary"],
)
def test_hostile_bytes_are_refused_and_never_raise(
    value: bytes, headers: tuple[tuple[str, bytes], ...]
) -> None:
    hostile = Record("input", 0, 1, 1_772_366_400_000_000, None, value, headers)
    refused(decode_card_created(hostile))
    refused(decode_embossing_requested(hostile, as_requested))


QUOTED = "ZQX\x00"


@pytest.mark.parametrize("field", [field for field, _good, _bad in CARD_BOUNDS])
@pytest.mark.parametrize("value", [QUOTED, [QUOTED], {QUOTED: QUOTED}, {QUOTED: 1}])
def test_a_refusal_never_quotes_the_message(field: str, value: object) -> None:
    decoded = refused(decode_card_created(record(member_created(**{field: value}))))
    assert "ZQX" not in decoded.message + decoded.field_path
    assert len(decoded.message) < 200

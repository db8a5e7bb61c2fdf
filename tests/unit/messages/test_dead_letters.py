import base64
import hashlib
import json
import uuid
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import altered
from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Outgoing, Record, RefusalReason, Refused
from card_fulfillment.messages.headers import DEAD_LETTER, Headers
from card_fulfillment.messages.outbound import Encoder
from card_fulfillment.messages.schema import schemas

NOON = 1_772_366_400_000_000
ENCODER = Encoder()
HEADERS = Headers("/issuer/cards", "https://schemas.example")
EXACT = jsonschema_rs.Draft202012Validator(schemas(closed=True)[DEAD_LETTER], validate_formats=True)
RECORD = Record("perso-vendor-tracking-delta", 3, 41, NOON, b"card-1", '{"état": 7}'.encode())
UNMAPPED = Refused(RefusalReason.UNMAPPED_CODE, "lines.2.stat", "No code 77", "delta", "delta@3")


def published(record: Record, refused: Refused = UNMAPPED) -> tuple[dict[str, Any], Outgoing]:
    out = ENCODER.dead_letter(DeadLetter.of(record, refused), NOON + 1_500_000)
    event = json.loads(out.value)
    EXACT.validate(event)
    return event, out


def test_a_dead_letter_says_what_was_refused_and_why() -> None:
    event, out = published(RECORD)
    assert event == {
        "dead_letter_id": DeadLetter.of(RECORD, UNMAPPED).dead_letter_id,
        "reason": "unmapped_code",
        "field_path": "lines.2.stat",
        "message": "No code 77",
        "vendor": "delta",
        "mapping_version": "delta@3",
        "topic": "perso-vendor-tracking-delta",
        "partition": 3,
        "offset": 41,
        "record_timestamp": "2026-03-01T12:00:00.000Z",
        "recorded_at": "2026-03-01T12:00:01.500Z",
        "sha256": hashlib.sha256(RECORD.value or b"").hexdigest(),
        "key": {"encoding": "utf-8", "data": "card-1"},
        "value": {"encoding": "utf-8", "data": '{"état": 7}'},
    }
    assert out.key == "card-1"


def test_its_headers_are_those_of_a_cloud_event() -> None:
    event, out = published(RECORD)
    headers = {name: value.decode() for name, value in HEADERS.of(out.key, out.headers)}
    assert headers["ce_id"] == event["dead_letter_id"]
    assert headers["ce_type"] == "fulfillment-dead-letter.v1"
    assert headers["ce_subject"] == "card-1"
    assert headers["ce_dataschema"].endswith("/fulfillment-dead-letter.v1.schema.json")


def test_its_identity_is_where_and_what() -> None:
    letter = DeadLetter.of(RECORD, UNMAPPED)
    assert uuid.UUID(letter.dead_letter_id).version == 5
    assert letter.dead_letter_id == "9b594346-87e1-5909-abe4-f2710e605873"
    again = altered(RECORD, timestamp=1, value=b"other", headers=(("a", b"b"),))
    assert DeadLetter.of(again, UNMAPPED).dead_letter_id == letter.dead_letter_id


@pytest.mark.parametrize(
    ("record", "refused"),
    [
        (altered(RECORD, topic="other"), UNMAPPED),
        (altered(RECORD, partition=4), UNMAPPED),
        (altered(RECORD, offset=42), UNMAPPED),
        (RECORD, Refused(RefusalReason.UNMAPPED_CODE, "lines.3.stat", "No code 77")),
        (RECORD, Refused(RefusalReason.MALFORMED, "lines.2.stat", "No code 77")),
    ],
)
def test_another_place_or_reason_is_another_dead_letter(record: Record, refused: Refused) -> None:
    one, other = DeadLetter.of(RECORD, UNMAPPED), DeadLetter.of(record, refused)
    assert one.dead_letter_id != other.dead_letter_id


def test_bytes_that_are_no_text_are_published_in_base64() -> None:
    event, out = published(altered(RECORD, key=b"\xff", value=b"\x00\xfe"))
    assert base64.b64decode(event["value"]["data"]) == b"\x00\xfe"
    assert event["value"]["encoding"] == event["key"]["encoding"] == "base64"
    assert out.key == "perso-vendor-tracking-delta:3:41"


@pytest.mark.parametrize("key", [None, b"", b"k" * 257, b"a\x00", b"a\nb"])
def test_without_a_short_key_the_place_is_the_key(key: bytes | None) -> None:
    _event, out = published(altered(RECORD, key=key))
    assert out.key == "perso-vendor-tracking-delta:3:41"


def test_a_tombstone_has_the_hash_of_no_bytes() -> None:
    event, _out = published(altered(RECORD, value=None))
    assert event["value"] is None
    assert event["sha256"] == hashlib.sha256(b"").hexdigest()


def test_possible_card_data_are_neither_kept_nor_published() -> None:
    refused = Refused(RefusalReason.CARD_DATA, "", "A digit run that may be a card number")
    record = altered(RECORD, key=b"4111111111111111", value=b"4111111111111111")
    letter = DeadLetter.of(record, refused)
    assert letter.key is letter.value is None
    assert letter.sha256 == hashlib.sha256(b"4111111111111111").hexdigest()
    event, out = published(record, refused)
    assert b"4111" not in out.value + out.headers.encode() + str(out.key).encode()
    assert event["key"] is event["value"] is None


def test_the_longest_key_and_the_largest_value_are_published() -> None:
    event, out = published(altered(RECORD, key=b"k" * 256, value=b"x" * 65_536))
    assert out.key == event["key"]["data"] == "k" * 256
    assert event["value"] == {"encoding": "utf-8", "data": "x" * 65_536}


def test_a_value_too_large_to_publish_is_kept_all_the_same() -> None:
    large = altered(RECORD, value=b"x" * 65_537)
    event, out = published(large)
    assert event["value"] is None
    assert len(out.value) < 1000
    assert DeadLetter.of(large, UNMAPPED).value == large.value


def test_what_it_says_is_text_that_a_database_takes() -> None:
    letter = DeadLetter.of(RECORD, Refused(RefusalReason.MALFORMED, "a\x00", "\ud800" + "m" * 900))
    assert letter.field_path == "a?"
    assert letter.message == "?" + "m" * 499


@given(
    st.builds(
        Record,
        st.text(max_size=20),
        st.integers(0, 2**31 - 1),
        st.integers(0, 2**63 - 1),
        st.integers(-(2**75), 2**75),
        st.none() | st.binary(max_size=300),
        st.none() | st.binary(max_size=300),
    ),
    st.builds(
        Refused,
        st.sampled_from(RefusalReason),
        st.text(max_size=20),
        st.text(max_size=20),
        st.none() | st.text(max_size=20),
    ),
)
def test_any_record_can_be_a_dead_letter(record: Record, refused: Refused) -> None:
    event, _out = published(record, refused)
    raw = event["value"]
    if raw is not None:
        text = raw["data"]
        data = text.encode() if raw["encoding"] == "utf-8" else base64.b64decode(text)
        assert data == record.value
    assert 0 <= DeadLetter.of(record, refused).record_timestamp < 2**63

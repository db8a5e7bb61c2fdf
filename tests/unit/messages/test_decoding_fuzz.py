"""Whatever bytes come, decoding answers; it never raises and never quotes them."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from wire_samples import RECEIVED, as_requested, embossing_requested, member_created

from builders import altered
from card_fulfillment.domain.facts import Announcement, Order
from card_fulfillment.messages.envelope import Ignored, Record, Refused
from card_fulfillment.messages.inbound import decode_card_created, decode_embossing_requested

Headers = tuple[tuple[str, bytes], ...]

MESSAGES = [member_created(), embossing_requested()]

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
headers = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "ce_id", "ce_time", "traceparent", "other"]),
        st.sampled_from([b"application/cloudevents+json", b"evt-1", b""]) | st.binary(max_size=60),
    ),
    max_size=3,
).map(tuple)


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """Cut a few bytes out of valid JSON and put others in."""
    value = json.dumps(draw(st.sampled_from(MESSAGES)), ensure_ascii=False).encode()
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(value)))
        cut = draw(st.integers(0, 8))
        value = value[:start] + draw(st.binary(max_size=8)) + value[start + cut :]
    return value


@st.composite
def rewritten(draw: st.DrawFn) -> bytes:
    """Replace fields of a valid message by any JSON; perhaps put a CloudEvent around it."""
    message = dict(draw(st.sampled_from(MESSAGES)))
    for name in draw(st.lists(st.sampled_from(sorted(message)), max_size=3)):
        message[name] = draw(json_values)
    wrapped = {"specversion": "1.0", "id": draw(json_values), "data": message}
    return json.dumps(draw(st.sampled_from([message, wrapped]))).encode()


def decode(value: bytes, sent_with: Headers = (), timestamp: int = RECEIVED) -> None:
    record = Record("input", 0, 1, timestamp, None, value, sent_with)
    card = decode_card_created(record)
    assert isinstance(card, Announcement | Ignored | Refused)
    order = decode_embossing_requested(record, as_requested)
    assert isinstance(order, Order | Refused)
    for decoded in (card, order):
        if isinstance(decoded, Refused):
            assert len(decoded.message) < 300
            assert len(decoded.field_path) < 100


@given(st.binary(max_size=200), headers)
@example(b"\xef\xbb\xbf{}", ())
def test_any_bytes_are_answered(value: bytes, sent_with: Headers) -> None:
    decode(value, sent_with)


@given(mutilated(), headers)
def test_mutilated_messages_are_answered(value: bytes, sent_with: Headers) -> None:
    decode(value, sent_with)


@given(rewritten(), headers)
def test_rewritten_messages_are_answered(value: bytes, sent_with: Headers) -> None:
    decode(value, sent_with)


@given(st.sampled_from(MESSAGES), st.integers(-(2**70), 2**70))
def test_any_record_timestamp_is_answered(message: dict[str, Any], timestamp: int) -> None:
    decode(json.dumps(message).encode(), timestamp=timestamp)


@given(
    st.dictionaries(st.text(min_size=1).filter(lambda n: n != "card_type"), json_values, max_size=5)
)
def test_unknown_fields_change_nothing(unknown: dict[str, Any]) -> None:
    known = member_created()
    plain = Record("input", 0, 1, RECEIVED, None, json.dumps(known).encode())
    more = altered(plain, value=json.dumps(unknown | known).encode())
    assert decode_card_created(more) == decode_card_created(plain)

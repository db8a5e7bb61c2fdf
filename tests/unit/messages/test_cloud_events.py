import json

import pytest
from wire_samples import as_requested, card_created, embossing_requested, member_created, record

from builders import altered
from card_fulfillment.domain.facts import Announcement, Order
from card_fulfillment.messages.envelope import Record, RefusalReason, Refused
from card_fulfillment.messages.inbound import decode_card_created, decode_embossing_requested

Headers = tuple[tuple[str, bytes], ...]

STRUCTURED: Headers = (("content-type", b"application/cloudevents+json; charset=utf-8"),)
BINARY: Headers = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"evt-1"),
    ("ce_time", b"2026-03-01T09:30:00.250Z"),
    ("content-type", b"application/json"),
)


def without_context(message: dict[str, object]) -> dict[str, object]:
    return {k: v for k, v in message.items() if k not in {"event_id", "occurred_at"}}


def structured(**changed: object) -> Record:
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": "evt-1",
        "source": "/issuer",
        "type": "card-created",
        "time": "2026-03-01T09:30:00.250Z",
        "data": member_created(),
    }
    return record(event | changed, headers=STRUCTURED)


def statement(read: Record) -> tuple[object, ...]:
    decoded = decode_card_created(read)
    assert isinstance(decoded, Announcement)
    return decoded.card, decoded.fact.fact_id, decoded.fact.content, decoded.fact.cause.event_id


PLAIN = statement(record(member_created()))


def test_a_content_type_may_be_in_capitals() -> None:
    capitals = (("content-type", b"Application/CloudEvents+JSON"),)
    assert statement(altered(structured(), headers=capitals)) == PLAIN


def test_a_structured_event_says_what_its_data_say() -> None:
    assert statement(structured(id="another", time=None)) == PLAIN


def test_a_binary_event_says_what_its_value_says() -> None:
    assert statement(record(member_created(), headers=BINARY)) == PLAIN


def test_the_context_stands_in_for_what_the_data_lack() -> None:
    bare = without_context(member_created())
    assert statement(structured(data=bare)) == PLAIN
    assert statement(record(bare, headers=BINARY)) == PLAIN
    nulls = bare | {"event_id": None, "occurred_at": None}
    assert statement(record(nulls, headers=BINARY)) == PLAIN


def test_an_order_can_be_a_cloud_event() -> None:
    decoded = decode_embossing_requested(
        structured(data=without_context(embossing_requested())), as_requested
    )
    assert isinstance(decoded, Order)
    assert decoded.fact.cause.event_id == "evt-1"


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ""}, "id"),
        ({"id": None}, "id"),
        ({"data": None}, "data"),
        ({"data": "text"}, "data"),
        ({"data": []}, "data"),
        ({"data": without_context(card_created()), "time": None}, "occurred_at"),
        ({"data": without_context(card_created()), "id": "a b"}, "event_id"),
        ({"data": card_created(number_of_cards=2**70)}, "number_of_cards"),
        ({"data": card_created(card_id="")}, "card_id"),
    ],
)
def test_a_broken_structured_event_is_refused(changed: dict[str, object], path: str) -> None:
    decoded = decode_card_created(structured(**changed))
    assert isinstance(decoded, Refused)
    assert (decoded.reason, decoded.field_path) == (RefusalReason.MALFORMED, path)


@pytest.mark.parametrize(
    "read",
    [
        structured(data=without_context(card_created()), time=None),
        record(without_context(card_created()), headers=(("ce_id", b"evt-1"),)),
    ],
    ids=["structured", "binary"],
)
def test_a_time_that_nobody_states_is_told_to_be_missing(read: Record) -> None:
    plain = decode_card_created(record(without_context(card_created()) | {"event_id": "evt-1"}))
    assert isinstance(plain, Refused)
    assert decode_card_created(read) == plain


@pytest.mark.parametrize(
    "headers", [(("ce_id", b"\xff"),), (("ce_id", b"e"), ("ce_time", b"\xff")), (("ce_id", b""),)]
)
def test_context_that_is_no_text_is_refused(headers: Headers) -> None:
    decoded = decode_card_created(record(without_context(card_created()), headers=headers))
    assert isinstance(decoded, Refused)
    assert decoded.reason is RefusalReason.MALFORMED


def test_data_nested_deeper_than_can_be_written_are_refused() -> None:
    deep = json.dumps(card_created())[:-1] + ',"x":' + "[" * 500 + "]" * 500 + "}"
    decoded = decode_card_created(record({}, value=deep.encode(), headers=BINARY))
    assert isinstance(decoded, Refused)

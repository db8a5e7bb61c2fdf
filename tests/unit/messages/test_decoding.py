import json

import pytest
from wire_samples import (
    RECEIVED,
    as_requested,
    card_created,
    embossing_requested,
    member_created,
    record,
)

from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import HOUR, Announcement, Attribute, Cause, Order
from card_fulfillment.domain.naming import Reference, Subject, SubjectKind
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.envelope import Ignored, Record, RefusalReason, Refused
from card_fulfillment.messages.inbound import (
    ShippingTerms,
    decode_card_created,
    decode_embossing_requested,
)
from card_fulfillment.messages.times import LATEST_RECORD

TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def announced(message: object, **changed: object) -> Announcement:
    decoded = decode_card_created(record(message, **changed))
    assert isinstance(decoded, Announcement)
    return decoded


def ordered(message: object, **changed: object) -> Order:
    decoded = decode_embossing_requested(record(message, **changed), as_requested)
    assert isinstance(decoded, Order)
    return decoded


def test_a_card_is_announced_with_everything_that_never_changes() -> None:
    decoded = announced(member_created())
    assert (decoded.card.card_id, decoded.card.card_product_id) == ("card-1", "gold")
    assert (decoded.card.bulk_issuance_id, decoded.card.serial_number) == ("bulk-1", 7)
    assert decoded.card.reference_card_id == "card-0"
    assert decoded.card.labels == {"programme": "travel", "region": "الرياض"}
    assert decoded.number_of_cards == 500


def test_an_announcement_is_a_fact_of_nobodys_vendor() -> None:
    fact = announced(card_created()).fact
    assert (fact.status, fact.vendor, fact.precision) == (Status.CREATED, None, Precision.SECOND)
    assert fact.stated == RECEIVED - 2 * HOUR - HOUR // 2 + 250_000
    assert fact.received_at == RECEIVED
    assert fact.cause == Cause("evt-1", "input", 3, 41, None)
    assert len(fact.fact_id) == len(fact.content) == 16


def test_a_virtual_card_is_ignored() -> None:
    decoded = decode_card_created(record(card_created(card_type="VIRTUAL")))
    assert decoded == Ignored("card_type", "a virtual card")


def test_an_order_says_who_makes_what_in_which_attempt() -> None:
    decoded = ordered(embossing_requested(attempt=2, number_of_cards=500))
    assert decoded.subject == Subject(SubjectKind.CARD, "card-1")
    assert (decoded.vendor, decoded.attempt, decoded.number_of_cards) == ("meridian", 2, 500)
    assert (decoded.fact.status, decoded.fact.vendor) == (Status.ORDERED, "meridian")
    assert decoded.fact.cause.event_id == "evt-2"


def test_a_bulk_issuance_can_be_ordered() -> None:
    decoded = ordered(embossing_requested(card_id=None, bulk_issuance_id="bulk-1"))
    assert decoded.subject == Subject(SubjectKind.BULK_ISSUANCE, "bulk-1")
    assert decoded.references[-1] == Reference("meridian", "id", "bulk-1")


def test_blanks_around_a_reference_do_not_count() -> None:
    listed = [{"kind": "issuer_ref", "value": " emb-1  "}]

    found = ordered(embossing_requested(references=listed)).references

    assert found[0] == Reference("meridian", "issuer_ref", "emb-1")


def test_references_default_to_the_ordered_vendor_and_include_the_subjects_own_id_once() -> None:
    listed = [
        {"kind": "issuer_ref", "value": "emb-1"},
        {"vendor_id": "meridian", "kind": "issuer_ref", "value": "emb-1"},
        {"vendor_id": "sahra", "kind": "waybill", "value": "32 592"},
        {"kind": "id", "value": "card-1"},
    ]
    assert ordered(embossing_requested(references=listed)).references == (
        Reference("meridian", "issuer_ref", "emb-1"),
        Reference("sahra", "waybill", "32 592"),
        Reference("meridian", "id", "card-1"),
    )


def test_the_embossing_request_id_is_no_reference_unless_it_is_listed() -> None:
    message = embossing_requested(embossing_request_id="emb-9")
    assert all(each.value != "emb-9" for each in ordered(message).references)


@pytest.mark.parametrize(
    ("listed", "field"),
    [
        ({"kind": "id", "value": "another card"}, "references.1.value"),
        ({"vendor_id": "delta", "kind": "id", "value": "another card"}, "references.1.value"),
        ({"vendor_id": "issuer", "kind": "id", "value": "card-1"}, "references.1.vendor_id"),
    ],
)
def test_a_request_gives_no_id_of_ours_away(listed: dict[str, object], field: str) -> None:
    references = [{"kind": "issuer_ref", "value": "emb-1"}, listed]
    said = embossing_requested(references=references)
    refused = decode_embossing_requested(record(said), as_requested)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.field_path) == (RefusalReason.MALFORMED, field)


def test_shipping_terms_come_from_the_lookup_with_what_was_requested() -> None:
    asked: list[tuple[str, str | None, bool | None]] = []

    def lookup(vendor: str, method: str | None, tracked: bool | None) -> ShippingTerms:  # noqa: FBT001 - the port's signature
        asked.append((vendor, method, tracked))
        return ShippingTerms(tracked=False, carrier="aramex")

    message = embossing_requested(shipping={"method": "express", "tracked": True})
    decoded = decode_embossing_requested(record(message), lookup)
    assert isinstance(decoded, Order)
    assert asked == [("meridian", "express", True)]
    assert decoded.fact.attributes == {
        Attribute.METHOD: "express",
        Attribute.TRACKED: False,
        Attribute.CARRIER: "aramex",
    }


@pytest.mark.parametrize("shipping", [{"method": "post"}, {"method": "post", "tracked": None}])
def test_what_is_unknown_of_shipping_is_not_stated(shipping: dict[str, object]) -> None:
    decoded = ordered(embossing_requested(shipping=shipping))
    assert decoded.fact.attributes == {Attribute.METHOD: "post"}


def test_the_records_key_is_nobodys_identity() -> None:
    assert announced(card_created(), key=b"card-666") == announced(card_created(), key=None)


def test_a_statement_keeps_its_identity_wherever_and_however_often_it_is_read() -> None:
    once, again = announced(card_created()).fact, announced(card_created(), offset=99).fact
    assert (once.fact_id, once.content) == (again.fact_id, again.content)


def test_identities_and_contents_are_those_of_every_earlier_release() -> None:
    card, order = announced(member_created()).fact, ordered(embossing_requested()).fact
    assert card.fact_id.hex() == "e0f520d3e368fbf05bb2b3c8f897113e"
    assert card.content.hex() == "4a0f44df37d75b257f058c36a2863b89"
    assert order.fact_id.hex() == "c7ce04dd27ce23b5ac695260147a49c4"
    assert order.content.hex() == "34037d5c28dcad9179df474933855491"


def test_the_same_event_id_means_another_statement_on_another_topic() -> None:
    order = ordered(embossing_requested(event_id="evt-1"))
    assert order.fact.fact_id != announced(card_created()).fact.fact_id


@pytest.mark.parametrize(
    "value",
    [
        json.dumps(dict(reversed(member_created().items()))),
        json.dumps(member_created(), indent=4, ensure_ascii=False),
        json.dumps(member_created(card_type="PHYSICAL")),
        json.dumps(member_created(a_new_field={"x": [1, 2, {"y": None}]})),
        json.dumps(member_created(occurred_at="2026-03-01T13:30:00.250+04:00")),
        json.dumps(member_created(labels={"region": "الرياض", "programme": "travel"})),
        '{"card_id": "overwritten by the second one", ' + json.dumps(member_created())[1:],
    ],
)
def test_content_is_what_was_decoded_not_how_it_was_written(value: str) -> None:
    assert announced({}, value=value.encode()) == announced(member_created())


def test_absent_null_and_empty_are_the_same_content() -> None:
    nulls = card_created(reference_card_id=None, number_of_cards=None, labels={})
    assert announced(nulls).fact.content == announced(card_created()).fact.content


@pytest.mark.parametrize(
    "changed",
    [
        {"occurred_at": "2026-03-01T09:30:00.251Z"},
        {"card_id": "card-2"},
        {"card_product_id": "silver"},
        {"reference_card_id": "card-00"},
        {"bulk_issuance_id": "bulk-2"},
        {"number_of_cards": 501},
        {"serial_number": 8},
        {"labels": {"programme": "travel"}},
    ],
)
def test_an_announcement_that_says_something_else_has_another_content(
    changed: dict[str, object],
) -> None:
    one, other = announced(member_created()).fact, announced(member_created(**changed)).fact
    assert one.fact_id == other.fact_id
    assert one.content != other.content


@pytest.mark.parametrize(
    "changed",
    [
        {"occurred_at": "2026-03-01T10:00:00.000001Z"},
        {"embossing_request_id": "emb-2"},
        {"card_id": "card-2"},
        {"card_id": None, "bulk_issuance_id": "card-1"},
        {"attempt": 2},
        {"vendor_id": "delta"},
        {"references": []},
        {"references": [{"vendor_id": "delta", "kind": "issuer_ref", "value": "emb-1"}]},
        {"shipping": {"method": "express", "tracked": False}},
        {"shipping": {"method": "post"}},
        {"number_of_cards": 5},
    ],
)
def test_an_order_that_says_something_else_has_another_content(changed: dict[str, object]) -> None:
    one, other = ordered(embossing_requested()).fact, ordered(embossing_requested(**changed)).fact
    assert one.fact_id == other.fact_id
    assert one.content != other.content


def test_a_references_vendor_may_be_said_or_left_to_the_default() -> None:
    said = [{"vendor_id": "meridian", "kind": "issuer_ref", "value": "emb-1"}]
    assert ordered(embossing_requested(references=said)) == ordered(embossing_requested())


def test_a_new_profile_makes_no_conflict_of_an_order_read_again() -> None:
    before = ordered(embossing_requested()).fact
    decoded = decode_embossing_requested(
        record(embossing_requested()), lambda _v, _m, _t: ShippingTerms(tracked=True, carrier="dhl")
    )
    assert isinstance(decoded, Order)
    assert decoded.fact.content == before.content


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((("traceparent", TRACEPARENT),), TRACEPARENT.decode()),
        ((("other", b"x"), ("traceparent", TRACEPARENT)), TRACEPARENT.decode()),
        ((("traceparent", TRACEPARENT + b"\n"),), None),
        ((("traceparent", TRACEPARENT.upper()),), None),
        ((("traceparent", b"ff" + TRACEPARENT[2:]),), None),
        ((("traceparent", b"00-" + b"0" * 32 + TRACEPARENT[35:]),), None),
        ((("traceparent", TRACEPARENT[:36] + b"0" * 16 + b"-01"),), None),
        ((("traceparent", b"\xff\x00"),), None),
        ((), None),
    ],
)
def test_a_trace_is_carried_on_if_it_is_valid(
    headers: tuple[tuple[str, bytes], ...], expected: str | None
) -> None:
    assert announced(card_created(), headers=headers).fact.cause.traceparent == expected


def test_a_statement_may_be_a_day_ahead_of_its_record_and_no_more() -> None:
    day_ahead = "2026-03-02T12:00:00Z"
    assert announced(card_created(occurred_at=day_ahead)).fact.stated == RECEIVED + 24 * HOUR
    for decoded in (
        decode_card_created(record(card_created(occurred_at="2026-03-02T12:00:00.000001Z"))),
        decode_embossing_requested(
            record(embossing_requested(occurred_at="2026-03-02T12:00:00.000001Z")), as_requested
        ),
    ):
        assert isinstance(decoded, Refused)
        assert (decoded.reason, decoded.field_path) == (RefusalReason.FUTURE_TIME, "occurred_at")


@pytest.mark.parametrize("value", [None, b""])
def test_a_tombstone_is_refused(value: bytes | None) -> None:
    tombstone = Record("input", 0, 1, RECEIVED, b"card-1", value)
    for decoded in (
        decode_card_created(tombstone),
        decode_embossing_requested(tombstone, as_requested),
    ):
        assert isinstance(decoded, Refused)
        assert decoded.reason is RefusalReason.EMPTY


def test_a_record_of_the_year_2100_is_the_latest_that_is_read() -> None:
    at = LATEST_RECORD - 1
    assert announced(card_created(), timestamp=at).fact.received_at == at


@pytest.mark.parametrize("timestamp", [LATEST_RECORD, 2**62])
def test_a_record_from_the_far_future_is_refused(timestamp: int) -> None:
    decoded = decode_card_created(record(card_created(), timestamp=timestamp))
    assert isinstance(decoded, Refused)
    assert decoded.reason is RefusalReason.MALFORMED

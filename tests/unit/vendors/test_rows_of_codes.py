"""What a profile must be able to say of codes and attributes: R17-R21, R31-R33."""

from pathlib import Path

import orjson
import pytest
from vendor_samples import RECEIVED, TABLE, fact, facts, outcomes, written

from card_fulfillment.domain.detail import Evidence
from card_fulfillment.domain.facts import Attribute
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Record, RefusalReason, Refused
from card_fulfillment.vendors.masking import mask_of


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("S", "1"), Status.SHIPPED),
        (("S", "21"), Status.IN_TRANSIT),
        (("S", "9"), Status.DELIVERY_EXCEPTION),
        (("S", None), Status.DELIVERY_EXCEPTION),
        (("?", "D"), Status.DELIVERED),
        (("?", "1"), None),
        ((None, "D"), None),
    ],
)
def test_r17_a_pair_falls_back_to_its_first_code_then_its_second_then_to_nothing(
    tmp_path: Path, pair: tuple[str | None, str | None], expected: Status | None
) -> None:
    table = "{S/1: shipped, S/2*: in_transit, S/*: delivery_exception, '*/D': delivered}"
    profile = written(tmp_path, f"- {{code: [message.type, message.code], codes: {table}}}")

    (found,) = outcomes(profile, {"card": "c", "type": pair[0], "code": pair[1]})

    assert getattr(found, "status", None) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("EX1", Status.DELIVERY_EXCEPTION),
        ("EX-RTS", Status.RETURNING),
        ("EXIT", Status.IN_TRANSIT),
        ("D42", Status.DELIVERED),
        ("D4x", None),
        ("ex1", None),
        ("XEX1", None),
        ("Pod", Status.DELIVERED),
    ],
)
def test_r18_codes_by_beginning_and_by_pattern_case_sensitive(
    tmp_path: Path, code: str, expected: Status | None
) -> None:
    profile = written(
        tmp_path,
        r"""- code: message.code
  codes: {EX*: delivery_exception, EX-R*: returning, EXIT: in_transit}
  patterns: {'D\d\d': delivered, '(?i)pod': delivered}""",
    )

    (found,) = outcomes(profile, {"card": "c", "code": code})

    assert getattr(found, "status", None) == expected


@pytest.mark.parametrize(
    ("number", "text"),
    [("7", "7"), ('"007"', "007"), ("12345678901234567890123", "12345678901234567890123")],
)
def test_r19_numbers_are_text_without_loss(tmp_path: Path, number: str, text: str) -> None:
    profile = written(tmp_path, "- {code: message.code, codes: {'1': accepted}}")

    found = fact(profile, f'{{"card":{number},"code":1}}'.encode())

    assert found.references == (Reference("acme", "card", text),)


def test_r19_codes_of_digits_can_be_of_one_length(tmp_path: Path) -> None:
    profile = written(
        tmp_path, "- {code: message.code, pad_codes: 3, codes: {'002': out_for_delivery}}"
    )

    two, text, padded = (fact(profile, {"card": "c", "code": x}) for x in (2, "2", "002"))

    assert two.fact_id == text.fact_id == padded.fact_id


def test_r20_what_is_ignored_by_declaration_is_told_apart_from_what_is_unknown(
    tmp_path: Path,
) -> None:
    facts_of = (
        "- {code: [message.type, message.code], codes: {S/A: accepted}, ignore: ['S/?', T/*]}"
    )
    profile = written(tmp_path, facts_of, head="when: {none_of: {message.live: 'false'}}")
    message = {"card": "c", "type": "S", "code": "A", "live": True}
    changes: list[dict[str, object]] = [
        {},
        {"live": False},
        {"type": "T"},
        {"code": "?"},
        {"code": "B"},
        {"type": "U"},
    ]

    found = [type(o).__name__ for c in changes for o in outcomes(profile, message | c)]

    assert found == ["Fact", "Ignored", "Ignored", "Ignored", "Unusable", "Unusable"]


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({}, "code"),
        ({"sub": "b"}, "code"),
        ({"code": "x"}, "code"),
        ({"code": "x", "sub": "b"}, "sub"),
    ],
)
def test_an_unknown_code_is_where_it_was_read(
    tmp_path: Path, said: dict[str, str], path: str
) -> None:
    pair = written(tmp_path, "- {code: [message.code, message.sub], codes: {A/b: shipped}}")

    (refused,) = outcomes(pair, {"card": "c"} | said)

    assert getattr(refused, "path", "") == path


@pytest.mark.parametrize("why", [{}, {"why": ""}, {"why": "A"}])
def test_the_empty_text_among_values_is_an_absent_one(tmp_path: Path, why: dict[str, str]) -> None:
    either = written(
        tmp_path,
        """- {when: {one_of: {message.why: ["", A]}}, status: shipped}
- {when: {none_of: {message.why: [""]}}, status: returned}""",
    )

    found = [each.status for each in facts(either, {"card": "c"} | why)]

    returned = [Status.RETURNED] if why.get("why") else []
    assert found == [Status.SHIPPED, *returned]


def test_r21_an_unknown_code_keeps_its_text_and_an_unknown_reason_keeps_the_status(
    tmp_path: Path,
) -> None:
    reasons = "reason: {at: message.why, codes: {R1: refused}}"
    profile = written(
        tmp_path, f"- {{code: message.code, codes: {{X: delivery_exception}}, {reasons}}}"
    )

    (unknown,) = outcomes(profile, {"card": "c", "code": "Y", "why": "R1"})
    known = fact(profile, {"card": "c", "code": "X", "why": "R9"})

    assert (getattr(unknown, "reason", ""), getattr(unknown, "code", "")) == ("unmapped_code", "Y")
    assert (known.status, known.reason) == (Status.DELIVERY_EXCEPTION, Reason.UNSPECIFIED)


def test_r31_attributes_evidence_counts_and_alerts(tmp_path: Path) -> None:
    rule = "references: {card: message.card}\n    quantity: message.count"
    profile = written(
        tmp_path,
        """- code: message.code
  codes:
    D: delivered
    L: {status: lost, evidence: inferred}
    REORDERED: {status: keep, alert: reordered}
  signature: message.by
  attributes:
    tracked: {at: message.mail, yes: [R], no: [O]}
    estimated_delivery: {at: message.eta, format: epoch_seconds}""",
        rule,
    )
    message = {"card": "c", "code": "D", "mail": "O", "eta": 1773050400, "count": 3, "by": "Ali"}

    signed = fact(profile, message)
    assert signed.attributes == {
        Attribute.TRACKED: False,
        Attribute.ESTIMATED_DELIVERY: "2026-03-09",
    }
    assert (signed.evidence, signed.quantity) == (Evidence.SIGNATURE, 3)
    assert "Ali" not in repr(signed)
    assert fact(profile, message | {"code": "L"}).evidence is Evidence.INFERRED
    reordered = fact(profile, {"card": "c", "code": "REORDERED"})
    assert (reordered.status, reordered.alert) == (None, "reordered")


def test_r32_what_is_private_is_masked_before_a_message_is_stored(tmp_path: Path) -> None:
    head = "private: ['cards[].holder.name', photo]"
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}}}", head=head)
    mask = mask_of(profile)
    assert mask is not None
    holder = {"name": "Fatima", "id": 12345678901234567890123}
    value = {"card": "c", "photo": ["aGk="], "cards": [{"holder": {"name": "Fatima"}}, {"x": 1}]}
    record = Record("t", 0, 1, RECEIVED, None, orjson.dumps(value))
    refused = Refused(RefusalReason.UNMAPPED_CODE, "code", "the profile does not know the code")

    letter = DeadLetter.of(record, refused, mask)

    assert orjson.loads(letter.value or b"") == {
        "card": "c",
        "photo": "(masked)",
        "cards": [{"holder": {"name": "(masked)"}}, {"x": 1}],
    }
    assert letter.sha256 == DeadLetter.of(record, refused).sha256
    exact = mask(f'{{"cards":[{{"holder":{holder}}}]}}'.replace("'", '"').encode(), {})
    assert b"12345678901234567890123" in (exact or b"")
    assert mask(b'{"cards":[{"holder":{"name":"Fatima"', {}) is None


def test_r32_what_is_masked_says_the_same_to_whoever_reads_it_again(tmp_path: Path) -> None:
    head = "private: [signed, holder.name]"
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}}}", head=head)
    mask = mask_of(profile)
    assert mask is not None
    said = {
        "card": "\u0627\u0644\u0631\u064a\u0627\u0636",
        "weight": 1.5,
        "signed": "",
        "holder": None,
    }
    assert mask(orjson.dumps(said), {}) == orjson.dumps(said)
    assert mask(orjson.dumps(said | {"holder": "A. Name"}), {}) == orjson.dumps(
        said | {"holder": "(masked)"}
    )


def test_r33_a_carriers_name_from_its_code(tmp_path: Path) -> None:
    carrier = "{at: message.by, names: {'1': aramex, dhl-express: dhl}}"
    profile = written(
        tmp_path, f"- {{code: message.code, {TABLE}, attributes: {{carrier: {carrier}}}}}"
    )

    def named(code: object) -> object:
        return fact(profile, {"card": "c", "code": "S", "by": code}).attributes[Attribute.CARRIER]

    assert [named(code) for code in (1, "1", "dhl-express", "9")] == [
        "aramex",
        "aramex",
        "dhl",
        "9",
    ]

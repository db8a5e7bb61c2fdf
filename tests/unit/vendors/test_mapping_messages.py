from pathlib import Path

import pytest
from vendor_samples import FLAT, HEAD, NESTED, RECEIVED, RICH, fact, facts, outcomes, profile_of

from card_fulfillment.domain.detail import Evidence, Precision
from card_fulfillment.domain.facts import HOUR, Attribute
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.messages.envelope import Ignored
from card_fulfillment.vendors.outcomes import Refusal, Unusable
from card_fulfillment.vendors.profile import Profile


@pytest.fixture
def flat(tmp_path: Path) -> Profile:
    return profile_of(tmp_path, HEAD + FLAT)


@pytest.fixture
def nested(tmp_path: Path) -> Profile:
    return profile_of(tmp_path, HEAD + NESTED)


@pytest.fixture
def rich(tmp_path: Path) -> Profile:
    return profile_of(tmp_path, HEAD + RICH)


def test_values_of_a_parent_reach_the_facts_of_its_children(nested: Profile) -> None:
    cards = [{"id": 1, "stage": "ok", "day": "03/03/2026"}, {"id": 2, "stage": "bent"}]
    order = {"number": "0017", "stage": "P", "at": "2026-03-02T10:00:00+0400", "cards": cards}

    whole, bent = facts(nested, {"orders": [order]})

    assert whole.references == (Reference("acme", "batch", "0017"), Reference("acme", "card", "1"))
    assert (whole.status, whole.level, whole.code) == (Status.PRODUCED, 1, "P/ok")
    assert (bent.status, bent.reason) == (Status.PRODUCTION_FAILED, Reason.DAMAGED)
    assert (whole.precision, bent.precision) == (Precision.DAY, Precision.SECOND)


@pytest.mark.parametrize(
    ("stages", "status", "evidence"),
    [
        (("P", "gone"), Status.PRODUCTION_FAILED, Evidence.VENDOR_CLAIM),
        (("Q", "gone"), Status.LOST, Evidence.INFERRED),
        (("P", None), Status.PRODUCTION_FAILED, Evidence.VENDOR_CLAIM),
    ],
)
def test_a_pair_of_codes_falls_back_to_its_first_then_its_second(
    nested: Profile, stages: tuple[str, str | None], status: Status, evidence: Evidence
) -> None:
    order = {"number": "1", "stage": stages[0], "cards": [{"id": 1, "stage": stages[1]}]}

    found = fact(nested, {"orders": [order]})

    assert (found.status, found.evidence) == (status, evidence)


def test_every_element_of_nested_loops_fails_or_is_ignored_alone(nested: Profile) -> None:
    message = {
        "orders": [
            {"number": "1", "stage": "P", "cards": [{"id": 1, "stage": "test"}, {"stage": "ok"}]},
            {"number": {}, "stage": "P", "cards": [{"id": 1, "stage": "ok"}]},
            {"number": "3", "stage": "P", "cards": []},
            {"number": "4", "stage": "P", "cards": "none"},
            {"number": "5", "stage": "Q", "cards": [{"id": 5, "stage": "new"}]},
            None,
            7,
        ]
    }

    found = outcomes(nested, message)

    assert [(type(o).__name__, getattr(o, "path", None)) for o in found] == [
        ("Ignored", "orders[0].cards[0].stage"),
        ("Fact", None),
        ("Unusable", "orders[1].number"),
        ("Ignored", "orders[2].cards"),
        ("Unusable", "orders[3].cards"),
        ("Unusable", "orders[4].cards[0].stage"),
        ("Ignored", "orders[5].cards"),
        ("Unusable", "orders[6].cards"),
    ]


def test_a_statement_carries_all_that_the_profile_reads(rich: Profile) -> None:
    message = {
        "card": "c1",
        "lines": [{"type": "job", "value": "j"}, {"type": "batch", "value": "b"}],
        "code": "X",
        "why": 14,
        "at": "2026-03-09T10:00:00",
        "carrier": "speedy",
        "url": "https://speedy.example/1",
        "method": "van",
        "eta": "12 March 2026",
        "awb": "W1",
        "label": "Kunde nicht da",
    }

    found = fact(rich, message)

    assert found.references == (Reference("acme", "batch", "b"), Reference("acme", "card", "c1"))
    assert found.names == ((32, Reference("speedy", "waybill", "W1")),)
    assert found.attributes == {
        Attribute.CARRIER: "speedy",
        Attribute.METHOD: "van",
        Attribute.TRACKING_URL: "https://speedy.example/1",
        Attribute.ESTIMATED_DELIVERY: "2026-03-12",
    }
    assert (found.reason, found.text) == (Reason.RECIPIENT_ABSENT, "Kunde nicht da")
    assert (found.evidence, found.code) == (Evidence.CARRIER_SCAN, "X")
    assert (found.precision, found.stated) == (Precision.SECOND, RECEIVED - 17 * HOUR)
    assert found.mapping_version == rich.version


@pytest.mark.parametrize(
    ("why", "code", "reason"),
    [
        ("99", "X", Reason.UNSPECIFIED),
        ({"not": "a code"}, "X", Reason.UNSPECIFIED),
        (1.5, "X", Reason.UNSPECIFIED),
        (None, "X", None),
        (None, "R", Reason.REFUSED),
        ("99", "R", Reason.REFUSED),
        ("14", "R", Reason.RECIPIENT_ABSENT),
    ],
)
def test_an_unknown_reason_never_costs_the_status(
    rich: Profile, why: object, code: str, reason: Reason | None
) -> None:
    found = fact(rich, {"card": "c1", "code": code, "why": why})

    assert found.status is not None
    assert found.reason is reason


def test_a_header_that_is_no_text_fails_the_element(rich: Profile) -> None:
    (refused,) = outcomes(rich, {"card": "c", "code": "X"}, headers={"event-id": b"\xff"})

    assert isinstance(refused, Unusable)
    assert refused.path == "header.event-id"


def test_a_code_that_keeps_is_a_fact_where_it_brings_something(rich: Profile) -> None:
    enrichment = fact(rich, {"card": "c", "code": "K", "awb": "W1"})
    (nothing,) = outcomes(rich, {"card": "c", "code": "K"})

    assert (enrichment.status, len(enrichment.names)) == (None, 1)
    assert isinstance(nothing, Ignored)


def test_where_no_statement_applies_the_element_is_ignored(rich: Profile) -> None:
    assert outcomes(rich, {"card": "c", "code": "X", "test": True}) == [
        Ignored("", "no statement applies")
    ]


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"card": "x" * 257}, "card"),
        ({"card": "nul\0"}, "card"),
        ({"card": 1.5}, "card"),
        ({"card": True}, "card"),
        ({"card": None}, ""),
        ({"lines": {"type": "batch"}, "card": None}, ""),
        ({"code": None}, "code"),
        ({"code": ["X"]}, "code"),
        ({"awb": []}, "awb"),
    ],
)
def test_a_value_out_of_bounds_is_malformed_and_not_repeated(
    rich: Profile, changed: dict[str, object], path: str
) -> None:
    (refused,) = outcomes(rich, {"card": "c", "code": "X"} | changed)

    assert isinstance(refused, Unusable)
    assert (refused.path, refused.reason, refused.code) == (path, Refusal.MALFORMED, None)
    assert "alert" not in refused.message


def test_an_unmapped_code_keeps_its_text(flat: Profile) -> None:
    assert outcomes(flat, {"card": "c", "code": "a"}) == [
        Unusable("code", Refusal.UNMAPPED_CODE, "the profile does not know the code", "a")
    ]


@pytest.mark.parametrize("number", [2**53 + 1, 2**64 - 1, 2**64, 10**40 + 1])
def test_integers_are_read_exactly(flat: Profile, number: int) -> None:
    payload = b'{"card":%d,"code":"A","weight":1.25}' % number

    assert fact(flat, payload).references == (Reference("acme", "card", str(number)),)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"NaN",
        b"1e999",
        b'"text"',
        b'{"card":"\xed\xa0\x80","code":"A"}',
        b'{"card":"\\ud800","code":"A"}',
        b'{"code":' * 5000,
        b"[" * 900 + b"1.5" + b"]" * 900,
        b'{"card":1.5,"code":"A","deep":' + b"[" * 1000 + b"]" * 1000 + b"}",
        b'{"card":' + b"9" * 5000 + b',"code":"A"}',
        b'{"card":' + b"9" * 300 + b',"code":"A"}',
    ],
)
def test_bytes_that_are_no_message_are_one_dead_letter(flat: Profile, payload: bytes) -> None:
    (refused,) = outcomes(flat, payload)

    assert isinstance(refused, Unusable)
    assert refused.reason is Refusal.MALFORMED


def test_a_message_of_too_many_elements_is_refused_as_a_whole(nested: Profile) -> None:
    cards = [{"id": i, "stage": "ok"} for i in range(999)]

    order = {"number": "1", "stage": "P", "cards": cards}
    assert len(facts(nested, {"orders": [order]})) == 999
    assert outcomes(nested, {"orders": [order, order]}) == [
        Unusable("", Refusal.MALFORMED, "more than 1000 elements")
    ]


def test_a_list_may_be_the_whole_message(tmp_path: Path) -> None:
    rules = FLAT.replace("- references", "- each: {line: message}\n    references")
    profile = profile_of(tmp_path, HEAD + rules.replace("{card: message.", "{card: line."))

    found = outcomes(profile, [{"card": "c", "code": "A"}])

    assert isinstance(found[0], Unusable)
    assert found[0].path == "code"

from pathlib import Path

import pytest
from vendor_samples import HEAD, fact, facts, outcomes, profile_of

from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Fact
from card_fulfillment.vendors.profile import Profile, load_profiles
from profile_examples import check_examples

BUILT_IN = load_profiles()
STARTED = "2026-01-06T08:00:01Z"


@pytest.fixture
def meridian() -> Profile:
    return BUILT_IN["meridian"]


def notification(state: str, shipment: object = None) -> dict[str, object]:
    detail = {"state": state} | ({} if shipment is None else {"shipment": shipment})
    one = {"opId": "op-1", "card": "MS-1", "issuerRef": "emb-1", "startedAt": STARTED}
    return {"notifications": [one | {"detail": detail}]}


@pytest.mark.parametrize("vendor", BUILT_IN)
def test_the_examples_of_a_built_in_profile_become_what_it_says(vendor: str) -> None:
    assert BUILT_IN[vendor].examples
    assert check_examples(BUILT_IN[vendor]) == []


def test_a_shipment_fact_is_the_same_one_while_scans_follow(meridian: Profile) -> None:
    parcel = {"carrier": "aramex", "trackingNumber": "AX1"}
    bare = facts(meridian, notification("SHIPPED"))
    transit = facts(
        meridian,
        notification("SHIPPED", parcel | {"status": "InTransit", "at": "2026-01-06T14:00:00Z"}),
    )
    delivered = facts(
        meridian,
        notification("SHIPPED", parcel | {"status": "Delivered", "at": "2026-01-07T14:00:00Z"}),
    )

    assert transit[0].fact_id == delivered[0].fact_id != bare[0].fact_id
    assert transit[1].fact_id != delivered[1].fact_id


def test_an_enrichment_keeps_status_and_time(meridian: Profile) -> None:
    bare = fact(meridian, notification("SHIPPED"))
    enriched = fact(meridian, notification("SHIPPED", {"trackingNumber": "AX1"}))

    assert (enriched.status, enriched.stated) == (bare.status, bare.stated)
    assert enriched.fact_id != bare.fact_id


@pytest.mark.parametrize(
    ("code", "fuller"), [("071", {"reason": "R-02"}), ("005", {"receivedBy": "A. Name"})]
)
def test_a_scan_that_is_told_again_without_its_reason_or_signature_keeps_it(
    code: str, fuller: dict[str, str]
) -> None:
    """Whatever ids chance gives: of facts that are alike but for these the greatest stands."""
    for number in range(20):
        scan = {"code": code, "date": "09-Mar-2026", "time": "10:00"}
        message = {"waybillNo": f"325{number}", "scans": [scan]}
        told, bare = (
            next(o for o in outcomes(BUILT_IN["sahra"], message | more) if isinstance(o, Fact))
            for more in (fuller, {})
        )
        assert (told.status, told.effective) == (bare.status, bare.effective)
        assert (told.reason, told.evidence) != (bare.reason, bare.evidence)
        assert told.fact_id > bare.fact_id


def test_the_bureaus_level_is_below_any_carriers(meridian: Profile) -> None:
    shipped = fact(meridian, notification("SHIPPED"))

    assert (shipped.level, meridian.level("card"), meridian.level("issuer_ref")) == (1, 0, 1)
    assert shipped.precision is Precision.SECOND


def test_a_tracked_shipping_method_is_what_the_request_says_then_the_method(
    meridian: Profile,
) -> None:
    assert meridian.tracked("standard", None) is False
    assert meridian.tracked("standard", True) is True  # noqa: FBT003 - the request's own word
    assert meridian.tracked("express", None) is True
    assert meridian.tracked("express", False) is False  # noqa: FBT003 - likewise
    assert meridian.tracked("pigeon", None) is None
    assert meridian.tracked(None, None) is None


def test_numbers_in_references_and_tracking_numbers_are_known_to_be_no_card_numbers(
    meridian: Profile,
) -> None:
    paths = {
        ("notifications", "[]", "card"),
        ("notifications", "[]", "issuerRef"),
        ("notifications", "[]", "detail", "shipment", "trackingNumber"),
    }
    assert meridian.identifiers == paths | {("data", *path) for path in paths}


def test_so_are_ids_that_stand_in_one_of_two_fields() -> None:
    assert BUILT_IN["issuer"].identifiers >= {("card_id",), ("bulk_issuance_id",)}


def test_an_example_tells_of_facts_that_would_be_taken_for_one(tmp_path: Path) -> None:
    twice = """
rules:
  - references: {card: message.card}
    facts:
      - {code: message.code, codes: {A: produced}}
      - {code: message.code, codes: {A: shipped}}
examples:
  - {name: both, messages: '{"card":"1","code":"A"}', expect: [fact: produced, fact: shipped]}
"""
    (difference,) = check_examples(profile_of(tmp_path, HEAD + twice))
    assert "fact produced (A) and fact shipped (A) would count as one fact" in difference


def test_an_example_tells_of_an_event_id_that_names_more_than_one_event(tmp_path: Path) -> None:
    letter = """
rules:
  - each: {each: message.cards}
    references: {card: each.card}
    event_id: each.letter
    facts: [{code: message.code, codes: {A: shipped}}]
examples:
  - name: two cards in one letter, and one of them again
    messages: |
      {"code":"A","cards":[
       {"letter":"L1","card":"1"},{"letter":"L1","card":"2"},{"letter":"L1","card":"1"}]}
    expect: [fact: shipped, fact: shipped, fact: shipped]
"""
    (difference,) = check_examples(profile_of(tmp_path, HEAD + letter))
    assert "have one event id and say different things: the second would be quarant" in difference


EXAMPLE = """
rules:
  - references: {card: message.card}
    facts: [{code: message.code, codes: {A: accepted}, ignore: X}]
examples:
  - name: three
    messages: ['{"card":"1","code":"A"}', '{"card":"1","code":"X"}', '{"card":"1","code":"U"}']
"""


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ("[{fact: accepted}]", "outcome 1: outcome is 'ignored code', expected 'nothing'"),
        ("[{fact: shipped}, {ignored: code}, {ignored: code}]", "outcome 0: status is"),
        (
            "[{ignored: code}, {ignored: code}, {ignored: code}]",
            "outcome 0: outcome is 'fact accepted (A)', expected 'ignored code'",
        ),
        ("[{fact: {at: 2026-01-01T00:00:00Z}}, {fact: {}}, {fact: {}}]", "outcome 0: at is"),
        (
            "[{fact: {}}, {fact: {}}, {fact: {}}]",
            "outcome 1: outcome is 'ignored code', expected 'fact of any",
        ),
        ("[{fact: {}}, {ignored: at}, {fact: {}}]", "outcome 1: path is 'code', expected 'at'"),
        (
            "[{fact: {}}, {ignored: code}, {unusable: {path: code, reason: malformed}}]",
            "outcome 2: reason is",
        ),
        (
            "[{fact: {}}, {ignored: code}, {ignored: code}]\n    distinct_facts: 2",
            "all: distinct_facts is 1, expected 2",
        ),
    ],
)
def test_an_example_that_differs_is_told(tmp_path: Path, expect: str, difference: str) -> None:
    profile = profile_of(tmp_path, f"{HEAD}{EXAMPLE}    expect: {expect}\n")

    told = check_examples(profile)

    assert any(difference in line for line in told), told
    assert all(line.startswith("acme: three: ") for line in told)

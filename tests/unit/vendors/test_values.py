"""Values that cannot be read, are blank or stand for none: what they cost, and what not."""

from pathlib import Path

import pytest
from vendor_samples import HEAD, RICH, fact, outcomes, profile_of, written

from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Attribute, Fact
from card_fulfillment.domain.naming import Reference
from card_fulfillment.domain.status import Reason, Status
from card_fulfillment.messages.envelope import Ignored
from card_fulfillment.vendors.examples import moment
from card_fulfillment.vendors.outcomes import Refusal, Unusable
from card_fulfillment.vendors.profile import Profile


@pytest.fixture
def rich(tmp_path: Path) -> Profile:
    return profile_of(tmp_path, HEAD + RICH)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "https://" + "x" * 2048}, "url"),
        ({"label": "x" * 2049}, "label"),
        ({"eta": "soon"}, "eta"),
        ({"carrier": ["a"]}, "carrier"),
    ],
)
def test_what_a_fact_can_do_without_is_malformed_alone(
    rich: Profile, changed: dict[str, object], path: str
) -> None:
    kept, refused = outcomes(rich, {"card": "c", "code": "R", "method": "post"} | changed)

    assert isinstance(kept, Fact)
    assert (kept.status, kept.attributes) == (Status.RETURNED, {Attribute.METHOD: "post"})
    assert isinstance(refused, Unusable)
    assert (refused.path, refused.reason) == (path, Refusal.MALFORMED)
    assert "alert" not in refused.message


def test_what_is_wrong_with_one_statement_is_not_told_of_the_next(rich: Profile) -> None:
    spoilt = {"card": "c", "code": "R", "eta": "soon", "at": "never"}

    assert [getattr(each, "path", "") for each in outcomes(rich, spoilt)] == ["at", "eta"]
    assert [type(each) for each in outcomes(rich, {"card": "c", "code": "K", "eta": "soon"})] == [
        Ignored,
        Unusable,
    ]


FILLERS = ["", " ", "0", "000000", "-", "N/A", "n/a", "null", "NONE", "0000-00-00", "*"]


@pytest.mark.parametrize("filler", FILLERS)
def test_what_stands_for_no_number_names_nobody(rich: Profile, filler: str) -> None:
    found = fact(rich, {"card": "c", "code": "X", "awb": filler})
    (refused,) = outcomes(rich, {"card": filler, "code": "X"})

    assert found.names == ()
    assert isinstance(refused, Unusable)
    assert refused.message == "no reference that says whom it is about"


@pytest.mark.parametrize("value", ["A0", "10", "0-1", "NAN1", "nobody", "0" * 40 + "7"])
def test_what_only_looks_like_a_filler_is_a_number(rich: Profile, value: str) -> None:
    assert fact(rich, {"card": value, "code": "X"}).references[0].value == value


@pytest.mark.parametrize("eta", ["31 December 1999", "01 January 0001", "31 December 9999"])
def test_no_delivery_is_estimated_in_another_age(rich: Profile, eta: str) -> None:
    kept, refused = outcomes(rich, {"card": "c", "code": "X", "eta": eta})

    assert getattr(kept, "attributes", None) == {}
    assert getattr(refused, "path", None) == "eta"


@pytest.mark.parametrize(
    ("field", "eta", "date"),
    [
        ("format: epoch_seconds", 1_772_654_400, "2026-03-04"),
        ("format: epoch_seconds, zone: Asia/Dubai", 1_772_654_400, "2026-03-05"),
        ("format: [epoch_milliseconds, microsoft], assumed_zone: Asia/Dubai", None, "2026-03-05"),
        ("format: epoch_seconds, override_zone: Asia/Dubai", 1_772_654_400, "2026-03-05"),
        ("zone: Asia/Dubai", "2026-03-04T20:00:00Z", "2026-03-04"),
    ],
)
def test_a_date_that_is_a_count_is_that_of_its_zone(
    tmp_path: Path, field: str, eta: object, date: str
) -> None:
    says = f"estimated_delivery: {{at: message.eta, {field}}}"
    profile = written(tmp_path, f"- {{status: keep, attributes: {{{says}}}}}")

    told = fact(profile, {"card": "c", "eta": eta or "/Date(1772654400000+0400)/"})

    assert told.attributes == {Attribute.ESTIMATED_DELIVERY: date}


def test_blank_fields_are_absent(rich: Profile) -> None:
    blank = dict.fromkeys(("why", "at", "carrier", "url", "eta", "method", "label", "test"), "  ")

    found = fact(rich, {"card": "c", "code": "R", "awb": " "} | blank)

    assert (found.reason, found.precision, found.attributes, found.text) == (
        Reason.REFUSED,
        Precision.UNKNOWN,
        {},
        None,
    )


def test_blanks_around_a_number_are_no_part_of_it(rich: Profile) -> None:
    padded = fact(rich, {"card": " c ", "code": "X", "awb": "W-1   "})

    assert padded.references == (Reference("acme", "card", "c"),)
    assert [name.value for _, name in padded.names] == ["W-1"]


PADDED = """- code: message.code
  codes: {A: shipped}
  time: {at: message.day, clock: message.hour, format: ["%b %d %Y %H:%M", "%b %d %Y"], zone: UTC}"""


def test_blanks_around_a_time_do_not_count(tmp_path: Path) -> None:
    profile, padded = written(tmp_path, PADDED), {"card": "c", "code": "A"}

    told = fact(profile, padded | {"day": "Mar  2 2026  ", "hour": "09:15 "})

    assert moment(told.stated) == "2026-03-02T09:15:00Z"
    assert fact(profile, padded | {"day": "Mar 09 2026  "}).precision == "day"


def test_blanks_around_a_code_or_inside_of_it_count(tmp_path: Path) -> None:
    profile = written(
        tmp_path, '- {code: message.code, codes: {"A *": shipped, "B C ": delivered}}'
    )

    assert fact(profile, {"card": "c", "code": "A 7"}).status == "shipped"
    assert fact(profile, {"card": "c", "code": "A "}).status == "shipped"
    assert fact(profile, {"card": "c", "code": "B C "}).status == "delivered"
    for code in ("A7", "B  C ", "A", "B C"):
        (outcome,) = outcomes(profile, {"card": "c", "code": code})
        assert isinstance(outcome, Unusable)
        assert outcome.code == code

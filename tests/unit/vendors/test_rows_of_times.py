"""What a profile must be able to say of times, by the rows of the contract: R07-R16."""

from pathlib import Path

import pytest
from vendor_samples import RECEIVED, TABLE, at, fact, facts, outcomes, written

from card_fulfillment.domain.detail import Precision
from card_fulfillment.domain.facts import Fact
from card_fulfillment.messages.envelope import Ignored
from card_fulfillment.vendors.examples import moment
from card_fulfillment.vendors.outcomes import Unusable

AT = "2026-03-09T10:00:00Z"


def test_r07_without_a_time_the_precision_is_unknown(tmp_path: Path) -> None:
    found = fact(
        written(tmp_path, f"- {{code: message.code, {TABLE}}}"), {"card": "c", "code": "A"}
    )

    assert (found.precision, found.stated) == (Precision.UNKNOWN, RECEIVED)


BY_CODE = """- code: message.code
  codes: {A: accepted, S: {status: shipped, time: [message.shipped, message.closed]}}
  time: [message.changed, message.made]"""


def test_r08_the_time_is_chosen_by_the_code_else_it_is_the_first_there(
    tmp_path: Path,
) -> None:
    profile = written(tmp_path, BY_CODE)
    times = {"made": "2026-03-01T00:00Z", "closed": "2026-03-02T00:00Z"}

    assert at(profile, {"card": "c", "code": "A", **times}) == "2026-03-01T00:00:00Z"
    assert at(profile, {"card": "c", "code": "S", **times}) == "2026-03-02T00:00:00Z"


@pytest.mark.parametrize(
    ("code", "there", "fallback"),
    [
        ("A", ["changed", "made"], None),
        ("A", ["made"], "message.made"),
        ("A", ["shipped"], None),
        ("S", ["shipped", "closed"], None),
        ("S", ["changed", "closed"], "message.closed"),
    ],
)
def test_r08_a_time_that_stands_in_for_another_one_says_which_field_it_is(
    tmp_path: Path, code: str, there: list[str], fallback: str | None
) -> None:
    message = {"card": "c", "code": code, **dict.fromkeys(there, AT)}

    assert fact(written(tmp_path, BY_CODE), message).time_fallback == fallback


def test_r09_each_element_has_the_precision_of_its_text_and_empty_is_absent(tmp_path: Path) -> None:
    rule = "each: {x: message.list}\n    references: {card: message.card}"
    formats = "{at: x.at, format: ['%d/%m/%Y %H:%M', '%d/%m/%Y'], zone: UTC}"
    profile = written(tmp_path, f"- {{code: x.code, {TABLE}, time: [{formats}]}}", rule)
    items = [{"code": "A", "at": at} for at in ("09/03/2026 10:00", "09/03/2026", "")]

    found = [each.precision for each in facts(profile, {"card": "c", "list": items})]

    assert found == [Precision.SECOND, Precision.DAY, Precision.UNKNOWN]


@pytest.mark.parametrize(
    ("date", "clock", "expected"),
    [
        ("20260309", "143005", "2026-03-09T14:30:05Z"),
        (20260309, 143006, "2026-03-09T14:30:06Z"),
        ("20260309", None, "2026-03-09T00:00:00Z"),
    ],
)
def test_r10_date_and_time_may_stand_apart_and_compact(
    tmp_path: Path, date: object, clock: object, expected: str
) -> None:
    time = "{at: message.d, clock: message.t, format: ['%Y%m%d %H%M%S', '%Y%m%d'], zone: UTC}"
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}, time: {time}}}")

    assert at(profile, {"card": "c", "code": "A", "d": date, "t": clock}) == expected


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("%Y%j", "2026068", "2026-03-09T00:00:00Z"),
        ("%y%j", 26001, "2026-01-01T00:00:00Z"),
        ("%Y-%j %H:%M", "2024-366 10:00", "2024-12-31T10:00:00Z"),
        ("%Y%j", "2026366", None),
        ("%Y%j", "2026000", None),
        ("%Y-%j", "2026-68", None),
    ],
)
def test_a_day_may_be_counted_from_the_first_of_january(
    tmp_path: Path, form: str, text: object, expected: str | None
) -> None:
    time = f"{{at: message.at, format: '{form}', zone: UTC}}"
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}, time: {time}}}")

    (told,) = outcomes(profile, {"card": "c", "code": "A", "at": text})

    assert (moment(told.stated) if isinstance(told, Fact) else None) == expected


def test_r11_a_local_time_is_in_the_zone_that_is_declared(tmp_path: Path) -> None:
    time = "{at: message.at, format: '%Y-%m-%d %H:%M:%S'}"
    facts_of = f"- {{code: message.code, {TABLE}, time: {time}}}"
    message = {"card": "c", "code": "A", "at": "2026-03-09 10:00:00"}

    known = written(tmp_path, facts_of, head="zone: Asia/Dubai")
    assert at(known, message) == "2026-03-09T06:00:00Z"
    assumed = written(tmp_path, facts_of, head="assumed_zone: Asia/Dubai")
    assert fact(assumed, message).precision is Precision.ZONE_ASSUMED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-09T10:00:00+01:00", "2026-03-09T09:00:00Z"),
        ("2026-03-09T10:00:00+0100", "2026-03-09T09:00:00Z"),
        ("2026-03-09T10:00:00-01.00", "2026-03-09T11:00:00Z"),
        ("2026-03-09T10:00:00Z", "2026-03-09T10:00:00Z"),
    ],
)
def test_r12_offsets_are_written_in_many_ways(tmp_path: Path, text: str, expected: str) -> None:
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}, time: message.at}}")

    assert at(profile, {"card": "c", "code": "A", "at": text}) == expected


@pytest.mark.parametrize("offset", ["+04:00", "+0400", "+04.00", "+4", 4, "04"])
def test_r12_an_offset_may_stand_in_a_field_of_its_own(tmp_path: Path, offset: object) -> None:
    time = "{at: message.at, offset: message.gmt}"
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}, time: {time}}}")
    message = {"card": "c", "code": "A", "at": "2026-03-09T10:00:00", "gmt": offset}

    assert at(profile, message) == "2026-03-09T06:00:00Z"


def test_r12_a_country_may_stand_for_its_zone(tmp_path: Path) -> None:
    time = "{at: message.at, offset: message.country}"
    head = "zone: Europe/Berlin\nzones: {AE: Asia/Dubai}"
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}, time: {time}}}", head=head)
    local = {"card": "c", "code": "A", "at": "2026-03-02T10:00"}

    assert at(profile, local | {"country": "AE"}) == "2026-03-02T06:00:00Z"
    assert at(profile, local) == "2026-03-02T09:00:00Z"
    (unknown,) = outcomes(profile, local | {"country": "XX"})
    assert isinstance(unknown, Unusable)


@pytest.mark.parametrize("time", ["message.at", "{at: message.at, format: '%Y-%m-%d %H:%M %Z'}"])
def test_r13_an_abbreviated_zone_is_what_the_profile_says(tmp_path: Path, time: str) -> None:
    head = "zones: {GST: Asia/Dubai}"
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}, time: [{time}]}}", head=head)

    assert at(profile, {"card": "c", "code": "A", "at": "2026-03-09 10:00 GST"}) == (
        "2026-03-09T06:00:00Z"
    )
    (unknown,) = outcomes(profile, {"card": "c", "code": "A", "at": "2026-03-09 10:00 XST"})
    assert isinstance(unknown, Unusable)


def test_r14_a_zone_that_the_value_states_can_be_overridden(tmp_path: Path) -> None:
    time = "{at: message.at, override_zone: Asia/Dubai}"
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}, time: {time}}}")

    assert at(profile, {"card": "c", "code": "A", "at": AT}) == "2026-03-09T06:00:00Z"


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("epoch_seconds", 1773050400),
        ("epoch_milliseconds", "1773050400000"),
        ("microsoft", "/Date(1773050400000)/"),
        ("microsoft", "/Date(1773050400000+0400)/"),
    ],
)
def test_r15_epochs(tmp_path: Path, form: str, value: object) -> None:
    time = f"{{at: message.at, format: {form}}}"
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}, time: {time}}}")

    assert at(profile, {"card": "c", "code": "A", "at": value}) == AT


@pytest.mark.parametrize(
    ("form", "value", "reason"),
    [
        ("epoch_seconds", 1773050400000, "malformed"),
        ("epoch_milliseconds", 1773050400, "malformed"),
        ("epoch_seconds", 1773050400.5, "malformed"),
        ("epoch_seconds", 1804586400, "future_time"),
        ("epoch_seconds", 0, "malformed"),
        ("iso", "9999-12-31T00:00:00", "future_time"),
        ("iso", "9999-12-31", "future_time"),
    ],
)
def test_r15_an_epoch_of_another_unit_and_an_always_are_refused(
    tmp_path: Path, form: str, value: object, reason: str
) -> None:
    time = f"{{at: message.at, format: {form}, zone: Asia/Riyadh}}"
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}, time: {time}}}")

    (found,) = outcomes(profile, {"card": "c", "code": "A", "at": value})

    assert isinstance(found, Unusable)
    assert found.reason == reason


def test_r16_headers_are_read_like_the_message(tmp_path: Path) -> None:
    rule = "references: {card: message.card}\n    event_id: header.event-id"
    facts_of = f"- {{code: message.code, {TABLE}, time: header.sent-at}}"
    profile = written(tmp_path, facts_of, rule, "when: {none_of: {header.test: 'true'}}")
    headers = {"event-id": b"e1", "sent-at": AT.encode()}

    (one,) = outcomes(profile, {"card": "c", "code": "A"}, headers=headers)
    (test,) = outcomes(profile, {"card": "c", "code": "A"}, headers=headers | {"test": b"true"})

    assert moment(getattr(one, "stated", 0)) == AT
    assert isinstance(test, Ignored)

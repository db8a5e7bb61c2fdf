"""What is still taken, and what is not any more: the bounds of what a vendor may say."""

import json
from pathlib import Path

import pytest
from vendor_samples import FLAT, HEAD, TABLE, at, fact, outcomes, profile_of, written

from card_fulfillment.domain.detail import Evidence
from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.files import FileLine
from card_fulfillment.domain.naming import Reference
from card_fulfillment.vendors.masking import mask_of
from card_fulfillment.vendors.outcomes import Unusable
from card_fulfillment.vendors.profile import Profile

_RULE = "references: {batch: message.batch}\n    "
_SAYS = f"- {{code: message.code, {TABLE}}}"


def refusal(profile: Profile, message: object) -> str:
    (refused,) = outcomes(profile, message)
    assert isinstance(refused, Unusable), refused
    return refused.message


@pytest.mark.parametrize(
    ("first", "last", "serials"),
    [
        (1, 10_000_000, (1, 10_000_000)),
        ("0007", "7", (7, 7)),
        (5, None, (5, 5)),
        (None, None, None),
    ],
)
def test_serials_are_a_range_or_one_of_them(
    tmp_path: Path, first: object, last: object, serials: tuple[int, int] | None
) -> None:
    profile = written(tmp_path, _SAYS, _RULE + "serials: {from: message.from, to: message.to}")
    message = {"batch": "b", "code": "S", "from": first, "to": last}
    assert fact(profile, message).serials == serials


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        (2, 1, "a last serial number before the first"),
        (None, 3, "no first serial number beside the last"),
        (0, 3, "not from 1 to 10000000"),
        (1, 10_000_001, "not from 1 to 10000000"),
        ("1.0", 3, "no whole number"),
    ],
)
def test_serials_that_are_no_range_are_refused(
    tmp_path: Path, first: object, last: object, why: str
) -> None:
    profile = written(tmp_path, _SAYS, _RULE + "serials: {from: message.from, to: message.to}")
    assert refusal(profile, {"batch": "b", "code": "S", "from": first, "to": last}) == why


@pytest.mark.parametrize(
    ("box", "carton"), [("1/3", (1, 3)), ("3/3", (3, 3)), ("2", (2, None)), (None, None)]
)
def test_a_carton_is_one_of_several_or_of_unknown_how_many(
    tmp_path: Path, box: str | None, carton: tuple[int, int | None] | None
) -> None:
    profile = written(tmp_path, _SAYS, _RULE + "carton: message.box")
    assert fact(profile, {"batch": "b", "code": "S", "box": box}).carton == carton


def test_a_carton_beyond_their_number_is_refused(tmp_path: Path) -> None:
    profile = written(tmp_path, _SAYS, _RULE + "carton: {number: message.box, of: message.boxes}")
    message = {"batch": "b", "code": "S", "box": 3}
    assert fact(profile, message | {"boxes": 3}).carton == (3, 3)
    assert refusal(profile, message | {"boxes": 2}) == "a carton beyond their number"


def test_zeros_are_put_before_digits_alone(tmp_path: Path) -> None:
    codes = '{"007": shipped, "A": accepted}'
    profile = written(tmp_path, f"- {{code: message.code, pad_codes: 3, codes: {codes}}}")
    for code, status in ((7, "shipped"), ("07", "shipped"), ("A", "accepted")):
        assert fact(profile, {"card": "c", "code": code}).status == status


def test_a_signature_is_one_for_a_delivery_alone(tmp_path: Path) -> None:
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}, signature: message.by}}")
    for code, by, evidence in (
        ("D", "somebody", Evidence.SIGNATURE),
        ("D", "", Evidence.VENDOR_CLAIM),
        ("D", " ", Evidence.VENDOR_CLAIM),
        ("D", "N/A", Evidence.VENDOR_CLAIM),
        ("D", True, Evidence.SIGNATURE),
        ("D", False, Evidence.VENDOR_CLAIM),
        ("D", "false", Evidence.VENDOR_CLAIM),
        ("D", 0, Evidence.VENDOR_CLAIM),
        ("D", 1, Evidence.SIGNATURE),
        ("D", {}, Evidence.VENDOR_CLAIM),
        ("D", [], Evidence.VENDOR_CLAIM),
        ("D", {"image": "x"}, Evidence.SIGNATURE),
        ("S", "somebody", Evidence.VENDOR_CLAIM),
    ):
        assert fact(profile, {"card": "c", "code": code, "by": by}).evidence is evidence


@pytest.mark.parametrize("nobody", [None, "", "N/A", False, "false", 0, {}, []])
def test_a_delivery_that_is_signed_for_later_is_another_fact(
    tmp_path: Path, nobody: object
) -> None:
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}, signature: message.by}}")
    first, signed, again = (
        fact(profile, {"card": "c", "code": "D", "by": by}) for by in (nobody, True, "A. Name")
    )
    assert first.fact_id != signed.fact_id == again.fact_id
    assert first.fact_id == fact(profile, {"card": "c", "code": "D"}).fact_id


def test_a_delivery_that_is_signed_for_later_under_one_event_id_is_a_conflict(
    tmp_path: Path,
) -> None:
    says = f"- {{code: message.code, {TABLE}, signature: message.by}}"
    profile = written(tmp_path, says, "references: {card: message.card}\n    event_id: message.id")
    first, signed = (fact(profile, {"id": "e", "card": "c", "code": "D", "by": b}) for b in "-A")
    assert first.fact_id == signed.fact_id
    assert first.content != signed.content


@pytest.mark.parametrize(
    "by", ["N/A", "-", " ", "A. Name", False, "false ", 0, {}, [], {"by": "A. Name"}]
)
def test_what_is_masked_is_signed_for_as_before(tmp_path: Path, by: object) -> None:
    says = f"- {{code: message.code, {TABLE}, signature: message.by}}"
    profile = written(tmp_path, says, head="private: [by]")
    payload = json.dumps({"card": "c", "code": "D", "by": by}).encode()
    mask = mask_of(profile)
    assert mask is not None
    kept = mask(payload, {})
    assert kept is not None

    assert fact(profile, kept).evidence is fact(profile, payload).evidence
    assert b"Name" not in kept


@pytest.mark.parametrize("private", ["by", "by.name", "list", "list[].card"])
def test_of_what_is_read_though_private_nothing_is_kept(tmp_path: Path, private: str) -> None:
    rule = "each: {x: message.list}\n    references: {card: x.card}"
    says = f"- {{code: x.code, {TABLE}, signature: message.by.name}}"
    payload = json.dumps({"by": {"name": "A"}, "list": [{"card": "c", "code": "D"}]}).encode()

    mask = mask_of(written(tmp_path, says, rule, head=f"private: ['{private}']"))

    assert mask is not None
    kept = mask(payload, {})
    assert (kept is None) == (private != "by.name")


def test_a_message_may_have_a_thousand_elements(tmp_path: Path) -> None:
    profile = written(
        tmp_path,
        f"- {{code: x.code, {TABLE}}}",
        "each: {x: message.list}\n    references: {card: x.card}",
    )
    many = [{"card": f"c{number}", "code": "A"} for number in range(1001)]
    found = outcomes(profile, {"list": many[:1000]})
    assert len(found) == sum(isinstance(each, Fact) for each in found) == 1000
    assert refusal(profile, {"list": many}) == "more than 1000 elements"


def test_nor_may_one_that_has_to_be_read_exactly_have_more(tmp_path: Path) -> None:
    profile = written(
        tmp_path,
        f"- {{code: x.code, {TABLE}}}",
        "each: {box: message.boxes, x: box.list}\n    references: {card: x.card}",
    )
    first = '{"list":[{"card":123456789012345678901234567890,"code":"A"}]}'
    rest = json.dumps({"list": [{"card": f"c{number}", "code": "A"} for number in range(998)]})
    assert refusal(profile, f'{{"boxes":[{first},{rest}]}}'.encode()) == "more than 1000 elements"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00Z"),
        ("2026-03-09T14:00:00+14:00", "2026-03-09T00:00:00Z"),
        ("2026-03-08T10:00:00-14:00", "2026-03-09T00:00:00Z"),
    ],
)
def test_the_earliest_time_and_the_furthest_zones_are_times(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert at(profile_of(tmp_path, HEAD + FLAT), {"card": "c", "code": "S", "at": text}) == expected


def test_offsets_of_other_forms_go_as_far_as_zones_do(tmp_path: Path) -> None:
    time = 'time: {at: message.at, format: "%Y-%m-%d %H:%M %z"}'
    profile = written(tmp_path, f"- {{code: message.code, {TABLE}, {time}}}")
    message = {"card": "c", "code": "S"}
    assert at(profile, message | {"at": "2026-03-09 14:00 +1400"}) == "2026-03-09T00:00:00Z"
    assert "declared format" in refusal(profile, message | {"at": "2026-03-09 14:00 +1401"})


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        (b'{"notes": ["a", "b"]}', b'{"notes":"(masked)"}'),
        (b'{"notes": null, "code": 1}', b'{"notes":null,"code":1}'),
        (b'{"code": 1}', b'{"code":1}'),
    ],
)
def test_a_private_list_is_masked_as_a_whole_and_what_is_not_there_stays_so(
    tmp_path: Path, payload: bytes, kept: bytes
) -> None:
    mask = mask_of(profile_of(tmp_path, HEAD + "private: ['notes[]']\n" + FLAT))
    assert mask is not None
    assert mask(payload, {}) == kept


@pytest.mark.parametrize("number", ["1e-99999999999999999999", "0E+99999999999999999999"])
def test_a_number_that_is_next_to_nothing_neither_stops_reading_nor_masking(
    tmp_path: Path, number: str
) -> None:
    profile = profile_of(tmp_path, HEAD + "private: [name]\n" + FLAT)
    card = "123456789012345678901234567890"
    payload = f'{{"card":{card},"code":"?","n":{number},"name":"A"}}'.encode()
    mask = mask_of(profile)
    assert mask is not None
    kept = mask(payload, {})
    assert kept == f'{{"card":{card},"code":"?","n":0.0,"name":"(masked)"}}'.encode()
    for each in (payload, kept):
        assert refusal(profile, each) == "the profile does not know the code"
    accepted = fact(profile, payload.replace(b"?", b"A"))
    assert [each.value for each in accepted.references] == [card]


def test_a_line_of_a_file_states_no_time_where_its_fact_has_none(tmp_path: Path) -> None:
    profile = written(
        tmp_path,
        f"- {{code: message.code, {TABLE}, time: message.at}}",
        _RULE + "file: {name: message.file, line: message.line}",
    )
    message = {"batch": "b", "code": "S", "file": "f", "line": 1}
    stated = [
        [each.stated for each in outcomes(profile, said) if isinstance(each, FileLine)]
        for said in (message, message | {"at": "2000-01-01T00:00:01Z"})
    ]
    assert stated == [[None], [946_684_801_000_000]]


def test_a_line_is_of_the_most_general_that_it_names(tmp_path: Path) -> None:
    profile = written(
        tmp_path,
        f"- {{code: message.code, {TABLE}}}",
        "references: {batch: message.batch, card: message.card}\n"
        "    file: {name: message.file, line: message.line}",
    )
    said = {"code": "A", "file": "F", "line": 1}
    lines = [
        outcomes(profile, said | whose)[-1]
        for whose in ({"card": "c"}, {"batch": "b"}, {"card": "c", "batch": "b"})
    ]

    found = [line.reference for line in lines if isinstance(line, FileLine)]
    assert found == [
        Reference("acme", "card", "c"),
        Reference("acme", "batch", "b"),
        Reference("acme", "card", "c"),
    ]

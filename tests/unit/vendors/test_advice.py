"""What `vendors check` warns of in profiles that are valid."""

from pathlib import Path

import pytest
from vendor_samples import HEAD, profile_of

from card_fulfillment.vendors.advice import advice

_FACT = "{code: scan.code, codes: {A: accepted}"
_EXAMPLES = "examples: [{name: none, messages: '{}', expect: []}]"


def warnings(directory: Path, rule: str) -> list[str]:
    profile = profile_of(directory, f"{HEAD}\nrules:\n  - {rule}\n{_EXAMPLES}\n")
    kinds = "no rule finds anybody"
    return [told for _, told in advice(profile.source) if not told.startswith(kinds)]


def history(fact: str, card: str = "message.card", scan: str = "message.scans") -> str:
    return f"{{each: {{scan: '{scan}'}}, references: {{card: {card}}}, facts: [{fact}]}}"


@pytest.mark.parametrize(
    ("fact", "warned"),
    [
        (_FACT + "}", "no time: all of 'scan' is told anew whenever it comes again"),
        (
            _FACT + ", time: scan.at, attributes: {estimated_delivery: message.eta}}",
            "is the same for each 'scan': when it changes, all are other facts",
        ),
        (
            _FACT + ", time: scan.at, reason: {at: message.why, codes: {R: refused}}}",
            "is the same for each 'scan': when it changes, all are other facts",
        ),
        (
            _FACT + ", time: [message.at, header.at]}",
            "is the same for each 'scan': when it changes, all are other facts",
        ),
    ],
)
def test_what_makes_other_facts_of_a_history_that_comes_again(
    tmp_path: Path, fact: str, warned: str
) -> None:
    assert warnings(tmp_path, history(fact)) == [warned]
    assert warnings(tmp_path, history(fact, card="scan.card")) == []
    assert warnings(tmp_path, history(fact, scan="message.scans[0:1]")) == []


def test_a_history_whose_events_tell_all_that_they_say_themselves(tmp_path: Path) -> None:
    reason = "reason: {at: scan.why, codes: {R: refused}}"
    attributes = "attributes: {estimated_delivery: scan.eta, tracking_url: message.link}"
    assert warnings(tmp_path, history(f"{_FACT}, time: scan.at, {reason}, {attributes}}}")) == []
    assert warnings(tmp_path, history(f"{_FACT}, time: [scan.at, message.at]}}")) == []


def test_what_is_said_beside_a_history_has_the_time_of_the_message(tmp_path: Path) -> None:
    beside = "{status: keep, time: message.at, attributes: {tracking_url: scan.link}}"
    assert warnings(tmp_path, history(beside)) == []


def test_an_entry_of_an_object_is_no_history(tmp_path: Path) -> None:
    rule = "{each: {scan: {entries: message.x}}, references: {card: message.card}, facts: [%s]}"
    assert warnings(tmp_path, rule % "{code: scan.value, codes: {A: accepted}}") == []


def test_a_key_in_the_place_of_a_text_is_told(tmp_path: Path) -> None:
    told = """"R" is a key, whose value is compared: a text is written 'R'"""
    rule = "{references: {card: 'message.ids[?a %s].b | [0]'}, facts: [%s]}"
    fact = "{code: message.code, codes: {A: accepted}}"
    for compared, expected in (('== "R"', [told]), ('!="R"', [told]), ("== ''R''", [])):
        assert warnings(tmp_path, rule % (compared, fact)) == expected
    rule = "{references: {card: 'message.ids[?%s].b | [0]'}, facts: [%s]}"
    for asked, expected in (
        ('contains(a, "R")', [told]),
        ('starts_with(a,"R")', [told]),
        ('contains("R", a)', []),
        ('not_null(a, "R")', []),
    ):
        assert warnings(tmp_path, rule % (asked, fact)) == expected


def test_the_end_of_a_line_without_double_quotes_is_told(tmp_path: Path) -> None:
    rule = "{each: {x: {split: message.text, by: %s}}, references: {card: x}, facts: [%s]}"
    fact = "{code: message.code, codes: {A: accepted}}"
    told = 'a backslash and a letter: the end of a line is "\\n", quoted'
    for by, expected in (("'\\n'", [told]), ('"\\n"', []), ("'\\'", [])):
        assert warnings(tmp_path, rule % (by, fact)) == expected


@pytest.mark.parametrize(
    ("private", "says", "warned"),
    [
        ("text", "code: row.code", []),
        ("list", "code: x.code", ["list"]),
        ("list[].note", "code: x.code, text: x.note", ["list[].note"]),
        ("list.note", "code: x.code, signature: x.note", []),
        ("list", "code: x.code, signature: x.note", ["list"]),
        ("who", "code: x.code, signature: message.who.name", ["who"]),
        ("who.name", "code: x.code, signature: message.who", []),
        ("who", "code: x.code, when: {present: message.who, one_of: {message.who: A}}", ["who"]),
    ],
)
def test_what_is_read_and_private_is_told(
    tmp_path: Path, private: str, says: str, warned: list[str]
) -> None:
    rule = "{each: {x: message.list, row: {json: x.text}}, references: {card: x.card}, facts: [%s]}"
    fact = f"{{{says}, time: x.at, codes: {{A: delivered}}}}"
    text = f"{HEAD}private: ['{private}']\nrules:\n  - {rule % fact}\n{_EXAMPLES}\n"
    for head, expected in ((text, warned), (text.replace("private", "# private"), [])):
        told = [each for _, each in advice(profile_of(tmp_path, head).source)]
        found = [each for each in told if "private" in each]
        assert found[:1] == [
            f"reads {each}, which is private: of messages in quarantine nothing is stored"
            for each in expected
        ]


TIMED = """
rules:
  - references: {card: message.card}
    facts: [{code: message.code, codes: {A: accepted}%s}]
examples:
  - {name: one, messages: '{"card": "c", "code": "A"}', expect: [fact: %s]}
"""
NO_TIME = "none expects a time (`at`): a wrong zone or format would not be seen"


@pytest.mark.parametrize(
    ("time", "expected", "warned"),
    [
        ("", "accepted", []),
        ("", "{}", ["proves nothing: any fact would do"]),
        (", time: message.at", "accepted", [NO_TIME]),
        (", time: message.at", "{at: 2026-03-02T00:00:00Z}", []),
    ],
)
def test_an_example_that_holds_whatever_the_profile_says(
    tmp_path: Path, time: str, expected: str, warned: list[str]
) -> None:
    profile = profile_of(tmp_path, HEAD + TIMED % (time, expected))

    told = [each for _, each in advice(profile.source)]

    assert told == [*warned, "no rule finds anybody by 'batch'"]


@pytest.mark.parametrize(
    ("code", "key", "warns"),
    [
        ("message.code", "A*B", True),
        ("message.code", "**", True),
        ("message.code", "A/B*", False),
        ("[message.code, message.sub]", "A*/B*", False),
        ("[message.code, message.sub]", "A/*B", True),
    ],
)
def test_an_asterisk_within_a_code_is_told(
    tmp_path: Path, code: str, key: str, *, warns: bool
) -> None:
    fact = f"{{code: {code}, codes: {{'{key}': accepted}}}}"
    told = [f"{key!r} has an asterisk that stands for itself: it is not at the end"]
    assert warnings(tmp_path, f"{{references: {{card: message.card}}, facts: [{fact}]}}") == (
        told * warns
    )


@pytest.mark.parametrize(
    ("head", "time", "warns"),
    [
        ("", 'format: "%d/%m/%Y"', True),
        ("", 'clock: message.hour, format: ["%d/%m/%Y %H:%M", "%d/%m/%Y"]', True),
        ("", 'format: ["%d/%m/%Y", iso]', False),
        ("", 'format: "%d/%m/%Y %H:%M%z"', False),
        ("", 'format: "%d/%m/%Y", offset: message.offset', False),
        ("", 'format: "%d/%m/%Y", override_zone: UTC', False),
        ("assumed_zone: UTC", 'format: "%d/%m/%Y"', False),
    ],
)
def test_a_time_that_never_has_a_zone_is_told(
    tmp_path: Path, head: str, time: str, *, warns: bool
) -> None:
    fact = (
        f"code: message.code, codes: {{A: {{status: accepted, time: {{at: message.at, {time}}}}}}}"
    )
    rule = f"{{references: {{card: message.card}}, facts: [{{{fact}}}]}}"
    text = f"{HEAD}{head}\nrules:\n  - {rule}\n{_EXAMPLES}\n"

    told = [each for _, each in advice(profile_of(tmp_path, text).source) if "no zone" in each]

    assert bool(told) is warns


@pytest.mark.parametrize(("path", "warns"), [("message.holder", True), ("message", False)])
def test_a_private_path_that_is_written_like_a_selector_is_told(
    tmp_path: Path, path: str, *, warns: bool
) -> None:
    profile = profile_of(tmp_path, f"{HEAD}private: [{path}]{TIMED % ('', 'accepted')}")
    found = [at for at, told in advice(profile.source) if told.endswith("is it 'holder'?")]
    assert found == [("private", 0)] * warns


def test_a_beginning_where_there_are_none_is_told(tmp_path: Path) -> None:
    carrier = "attributes: {carrier: {at: message.by, names: {7*: speedy, 8: speedy}}}"
    reason = "reason: {at: message.why, codes: {R*: refused, S: moved}}"
    fact = f"{{code: message.code, codes: {{A*: accepted}}, {reason}, {carrier}}}"
    told = "stands for itself, with its asterisk: beginnings are for codes"

    rule = f"{{references: {{card: message.card}}, facts: [{fact}]}}"
    assert warnings(tmp_path, rule) == [told, told]


@pytest.mark.parametrize(
    ("references", "more", "name", "warns"),
    [
        ("track: message.track", "", "", True),
        ("track: message.track, order: message.order", "", "", True),
        ("order: message.order", "", "", False),
        ("track: message.track", "", ", parcel: false", False),
        ("track: message.track", "", ", parcel: true", False),
        ("track: message.track", "serials: message.serial,", "", False),
        ("track: message.track", "carton: message.box,", "", False),
    ],
)
def test_a_parcel_that_a_parcel_names_has_all_cards_and_is_told(
    tmp_path: Path, references: str, more: str, name: str, *, warns: bool
) -> None:
    head = HEAD.replace("bureau", "aggregator").replace(
        "[card, batch]", "[{kind: order, parcel: false}, track]"
    )
    named = f"{{vendor: speedy, role: carrier, kind: waybill, value: message.awb{name}}}"
    fact = f"{{code: message.code, codes: {{A: accepted}}, names: [{named}]}}"
    rule = f"{{references: {{{references}}}, {more} facts: [{fact}]}}"
    profile = profile_of(tmp_path, f"{head}\nrules:\n  - {rule}\n{_EXAMPLES}\n")

    told = [each for _, each in advice(profile.source) if each.startswith("a parcel that")]

    assert bool(told) is warns


@pytest.mark.parametrize(
    ("references", "more", "codes", "warns"),
    [
        ("batch: message.batch", "", "A: shipped", True),
        ("batch: message.batch", "", "A: keep", False),
        ("batch: message.batch", "serials: message.serial,", "A: shipped", False),
        ("batch: message.batch, box: message.box", "", "A: shipped", False),
    ],
)
def test_a_carton_that_moves_all_cards_of_a_bulk_is_told(
    tmp_path: Path, references: str, more: str, codes: str, *, warns: bool
) -> None:
    head = HEAD.replace("[card, batch]", "[batch, {kind: box, parcel: true}]")
    fact = f"{{code: message.code, codes: {{{codes}}}}}"
    rule = f"{{references: {{{references}}}, {more} carton: message.no, facts: [{fact}]}}"
    profile = profile_of(tmp_path, f"{head}\nrules:\n  - {rule}\n{_EXAMPLES}\n")
    found = [at for at, told in advice(profile.source) if told.startswith("moves all cards")]
    assert found == [("rules", 0, "facts", 0)] * warns


@pytest.mark.parametrize(
    ("role", "name", "warns"),
    [
        ("pin", ", parcel: false", True),
        ("pin", "", False),
        ("outbound", ", parcel: false", False),
    ],
)
def test_a_name_that_does_not_keep_the_role_of_the_parcel_that_is_spoken_of_is_told(
    tmp_path: Path, role: str, name: str, *, warns: bool
) -> None:
    named = f"{{vendor: speedy, role: carrier, kind: waybill, value: message.awb{name}}}"
    fact = f"{{code: message.code, codes: {{A: keep}}, parcel: {role}, names: [{named}]}}"
    told = warnings(tmp_path, f"{{references: {{card: message.card}}, facts: [{fact}]}}")
    assert (
        told == ["binds, but not as the pin parcel's: what is found by it moves the card"] * warns
    )

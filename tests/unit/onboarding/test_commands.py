"""The commands to write a profile with: checking and testing."""

from pathlib import Path

import pytest
from command_samples import EXAMPLES, PROFILE, as_data, call, vendors


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    file = tmp_path / "acme.yaml"
    file.write_text(PROFILE + EXAMPLES % "produced")
    return file


def test_all_profiles_that_come_with_the_worker_are_valid_and_hold() -> None:
    checked, tested = vendors("check"), vendors("test")

    assert (checked.exit_code, "0 wrong, 0 warnings" in checked.output) == (0, True), checked.output
    assert tested.exit_code == 0, tested.output


def test_a_broken_file_is_told_and_the_others_are_still_checked(profile: Path) -> None:
    (profile.parent / "broken.yaml").write_text("vendor: x\nroel: bureau\n")

    checked = vendors("check", VENDORS__DIRECTORY=str(profile.parent))

    assert checked.exit_code == 1
    assert "ok    acme 1-" in checked.output
    assert "broken.yaml:2:1: roel: is no field here: did you mean `role`?" in checked.output
    assert vendors("check", profile).exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "warned"),
    [
        ("[card]", "[card, batch]", "reference_kinds[1]: no rule finds anybody by 'batch'"),
        ("ignore: [T]", "ignore: [p]", "codes: code 'p' is mapped in one spelling and ignored in"),
        ("each: {line:", "each: {x: message.all, line:", "each.x: nothing is read from 'x'"),
        (
            "- code: line.stage",
            "- when: {present: line.a, absent: line.a}\n        code: line.stage",
            "facts[0].when: never holds: line.a cannot be both present and absent",
        ),
        (
            "rules:",
            "when: {one_of: {message.env: live}, none_of: {message.env: [live, test]}}\nrules:",
            "when.one_of.message.env: never holds: message.env may have none of these values",
        ),
        (
            "- each:",
            "- when: {one_of: {line.a: x}, absent: line.a}\n    each:",
            "rules[0].when.one_of.line.a: never holds: line.a is absent",
        ),
        (
            "ignore: [T]",
            "ignore: [T]\n        after: [{seen: [p], codes: {S: returned}}]",
            "facts[0].after[0].seen: no table has 'p': did you mean `P`?",
        ),
        (
            "references: {card: line.card}",
            "references: {card: line.card}\n    event_id: line.card",
            "rules[0].event_id: is a reference too",
        ),
        (
            "references: {card: line.card}",
            "references: {card: line.card}\n    event_id: message.id",
            "rules[0].event_id: is the same for each 'line'",
        ),
        (
            "codes: {P:",
            "pad_codes: 3\n        codes: {'05': accepted, P:",
            "facts[0].codes: no code is '05': with pad_codes, digits are 3 or more",
        ),
        ("examples:", "#", "no examples: nothing shows that it does what it says"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(
    profile: Path, old: str, new: str, warned: str
) -> None:
    text = profile.read_text().replace(old, new, 1)
    if new == "#":
        text = PROFILE
    profile.write_text(text)

    checked = vendors("check", profile)

    assert (checked.exit_code, warned in checked.output) == (0, True), checked.output


def test_the_same_said_twice_is_a_warning(profile: Path) -> None:
    fact = PROFILE[PROFILE.index("      - code") :]
    profile.write_text(PROFILE + fact + PROFILE[PROFILE.index("  - each") :] + fact)

    told = [warning["message"] for warning in as_data("check", profile)[0]["warnings"]]

    assert told.count("says the same as facts[0]") == 2
    assert "says the same as rules[0]" in told


def test_an_example_that_fails_shows_what_was_expected_and_what_came(profile: Path) -> None:
    profile.write_text(PROFILE + EXAMPLES % "{status: shipped, code: P, at: 2026-03-02T02:00:00Z}")

    tested = vendors("test", profile)

    assert tested.exit_code == 1
    assert "acme 1-" in tested.output
    assert "0 of 1 examples hold" in tested.output
    assert [line.strip() for line in tested.output.splitlines()[1:5]] == [
        "made",
        "outcome 0",
        "- status: shipped",
        "+ status: produced",
    ]
    assert "code: P" not in tested.output


@pytest.mark.parametrize(
    ("there", "expected", "found"),
    [("begun", "null", "line.begun"), ("done", "line.begun", "absent")],
)
def test_an_example_expects_of_a_time_that_it_is_a_fallback_or_none(
    profile: Path, there: str, expected: str, found: str
) -> None:
    examples = EXAMPLES.replace("begun", there)
    profile.write_text(PROFILE + examples % f"{{time_fallback: {expected}}}")

    tested = vendors("test", profile)

    assert tested.exit_code == 1
    assert f"+ time_fallback: {found}" in tested.output
    profile.write_text(PROFILE + examples % f"{{time_fallback: {found.replace('absent', 'null')}}}")
    assert vendors("test", profile).exit_code == 0


def test_codes_that_no_example_shows_are_named(profile: Path) -> None:
    assert vendors("test", profile).exit_code == 0
    assert as_data("test", profile)[0]["in_no_example"] == [
        {"field": "rules[0].facts[0]", "code": "S"},
        {"field": "rules[0].facts[0]", "code": "T"},
    ]


def test_a_profile_without_examples_is_not_proven(profile: Path) -> None:
    profile.write_text(PROFILE)

    assert vendors("test", profile).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("explain", "meridan", "-"), "no profile of 'meridan': did you mean `meridian`?"),
        (("test", "absent.yaml"), "absent.yaml: not readable"),
        (("explain", "meridian", "-", "--header", "x"), "--header is NAME=VALUE"),
        (("explain", "meridian", "-", "--at", "noon"), "'--at': a time like 2026-03-02T06:00"),
        (("explain", "meridian", "nowhere.json"), "nowhere.json"),
    ],
)
def test_a_wrong_use_is_exit_code_2_and_a_readable_line(
    arguments: tuple[str, ...], told: str
) -> None:
    wrong = vendors(*arguments, stdin="{}")

    assert (wrong.exit_code, told in wrong.output) == (2, True), wrong.output


@pytest.mark.parametrize(
    "command",
    [("run",), ("topics",), ("doctor",), ("accept", "output", "x"), ("accept", "input", "x")],
)
def test_commands_that_need_profiles_say_what_is_wrong_with_one(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "broken.yaml").write_text("vendor: x\nroel: bureau\n")

    told = call(*command, VENDORS__DIRECTORY=str(tmp_path))

    assert told.exit_code == 2
    assert "broken.yaml:2:1: roel: is no field here: did you mean `role`?" in told.output


def test_what_is_absent_in_all_examples_is_told_also_what_would_not_be_masked(
    profile: Path,
) -> None:
    text = PROFILE.replace("line.begun", "line.begn").replace(
        "zone:", "private: [lines.hoder, 'lines[].stage', '\"lines\"[].card']\nzone:"
    )
    profile.write_text(text + EXAMPLES % "produced")

    told = vendors("test", profile)

    assert told.exit_code == 0
    assert "absent in all examples: rules[0] line.begn" in told.output
    assert "absent in all examples: private lines.hoder" in told.output
    assert "line.stage" not in told.output
    assert as_data("test", profile)[0]["absent_in_all_examples"] == [
        {"field": "rules[0]", "path": "line.done"},
        {"field": "rules[0]", "path": "line.begn"},
        {"field": "private", "path": "lines.hoder"},
    ]


def test_a_condition_on_what_no_example_has_is_told(profile: Path) -> None:
    conditions = """\
when: {none_of: {message.tset: [yes], "header.x-test": [yes], "message.length(lines)": ["0"]}}
rules:
  - when: {absent: [line.vodi, line.done]}
"""
    text = PROFILE.replace("rules:\n  - each", f"{conditions}    each")
    profile.write_text(text + EXAMPLES % "produced")

    assert as_data("test", profile)[0]["absent_in_all_examples"] == [
        {"field": "rules[0]", "path": "line.done"},
        {"field": "when", "path": "message.tset"},
        {"field": "rules[0]", "path": "line.vodi"},
    ]


def test_a_slip_in_the_name_of_another_vendor_is_a_warning(profile: Path) -> None:
    named = "names: [{vendor: %s, role: carrier, place: 1, kind: waybill, value: line.awb}]"
    for vendor, warned in (("sarha", True), ("sahra", False), ("speedy", False)):
        profile.write_text(f"{PROFILE}        {named % vendor}\n{EXAMPLES % 'produced'}")
        told = [warning["message"] for warning in as_data("check", profile)[0]["warnings"]]
        assert ("no profile of 'sarha': did you mean `sahra`?" in told) is warned


def test_an_empty_list_or_object_is_there_and_nothing_in_it_is_unread(profile: Path) -> None:
    when = "when: {absent: [message.errors, message.fault]}\nrules:"
    empty = '{"errors":[],"fault":{},"more":[],"lines"'
    examples = (
        (EXAMPLES % "produced").replace('{"lines"', empty).replace("fact: produced", "ignored: ''")
    )
    profile.write_text(PROFILE.replace("rules:", when) + examples)

    (told,) = as_data("test", profile)
    explained = vendors("explain", profile, "-", stdin=f"{empty}:[]}}")

    assert told["absent_in_all_examples"] == []
    assert "Nothing reads" not in explained.output

"""The commands to write a profile with."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from card_fulfillment.cli import cli
from card_fulfillment.vendors.profile import load_profile

PROFILE = """\
vendor: acme
role: bureau
version: 1
live_tracking: true
zone: Asia/Dubai
reference_kinds: [card]
rules:
  - each: {line: message.lines}
    references: {card: line.card}
    facts:
      - code: line.stage
        codes: {P: produced, S: shipped}
        ignore: [T]
        time: [line.done, line.begun]
"""
EXAMPLES = """
examples:
  - name: made
    messages: '{"lines":[{"card":"c1","stage":"P","begun":"2026-03-02T06:00"}]}'
    expect: [fact: %s]
"""
MESSAGE = {
    "lines": [
        {"card": "c1", "stage": "P", "begun": "2026-03-02T06:00", "holder": "\x1b[31mA. Name"},
        {"card": "c2", "stage": "p", "begun": "2026-03-02T06:00"},
        {"stage": "S", "done": "2026-03-02T06:00"},
        {"card": "c1", "stage": "T"},
    ]
}


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Every command configures logging for its process."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    file = tmp_path / "acme.yaml"
    file.write_text(PROFILE + EXAMPLES % "produced")
    return file


@pytest.fixture
def message(tmp_path: Path) -> Path:
    file = tmp_path / "message.json"
    file.write_text(json.dumps(MESSAGE))
    return file


def vendors(*arguments: object, stdin: str | None = None, **settings: str) -> Result:
    environment = {f"FULFILLMENT_{name}": value for name, value in settings.items()}
    words = ["vendors", *map(str, arguments)]
    return CliRunner().invoke(cli, words, env=environment, input=stdin)


def as_data(*arguments: object) -> Any:  # noqa: ANN401 - JSON
    return json.loads(vendors(*arguments, "--json").output)


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
            "facts[0].when: never applies: line.a cannot be both present and absent",
        ),
        (
            "references: {card: line.card}",
            "references: {card: line.card}\n    event_id: line.card",
            "rules[0].event_id: is a reference too",
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


def test_codes_that_no_example_shows_are_named(profile: Path) -> None:
    assert vendors("test", profile).exit_code == 0
    assert as_data("test", profile)[0]["in_no_example"] == [
        {"field": "rules[0].facts[0]", "code": "S"},
        {"field": "rules[0].facts[0]", "code": "T"},
    ]


def test_a_profile_without_examples_is_not_proven(profile: Path) -> None:
    profile.write_text(PROFILE)

    assert vendors("test", profile).exit_code == 1


def test_explain_tells_what_decided_and_why_the_rest_is_nothing(
    profile: Path, message: Path
) -> None:
    told = vendors("explain", profile, message, "--at", "2026-03-03T00:00")

    assert told.exit_code == 0, told.output
    lines = {" ".join(line.split()) for line in told.output.splitlines()}
    assert {
        "each line message.lines 4 elements",
        "reference card line.card c1",
        "code line.stage P",
        "decided by P -> means produced",
        "time line.done absent",
        "decided by absent -> no entry is for 'p': did you mean `P`?",
        "1 unusable (unmapped_code): the profile does not know the code: 'p' at lines[1].stage",
        "2 unusable (malformed): no reference that says whom it is about at lines[2]",
        "3 ignored: the code says nothing that is kept at lines[3].stage",
        "Nothing reads lines[].holder",
    } <= lines
    (begun,) = {line for line in lines if line.startswith("time line.begun 2026")}
    assert "06:00 -> 2026-03-02T02:00:00Z, exact (Asia/Dubai, unless" in begun
    assert "\x1b" not in told.output


def test_explain_as_json_has_steps_outcomes_and_what_nothing_reads(
    profile: Path, message: Path
) -> None:
    told = as_data("explain", profile, message, "--at", "2026-03-03T00:00")

    made = told["rules"][0]["met"][1]
    assert (told["vendor"], made["path"]) == ("acme", "lines[0]")
    assert made["facts"][0]["outcome"]["fact"]["status"] == "produced"
    assert {"code", "decided by", "time"} == {s["part"] for s in made["facts"][0]["steps"]}
    assert [next(iter(o)) for o in told["outcomes"]] == [
        "identity",
        "unusable",
        "unusable",
        "ignored",
    ]
    assert told["unread"] == ["lines[].holder"]


def test_what_a_message_becomes_is_an_example_for_the_profile(profile: Path, message: Path) -> None:
    example = vendors("explain", profile, message, "--example", "--at", "2026-03-03T00:00")
    profile.write_text(PROFILE + example.output)

    assert len(load_profile(profile).examples[0].expect) == 4
    assert vendors("test", profile).exit_code == 0


def test_explain_knows_vendors_headers_and_stdin(profile: Path) -> None:
    profile.write_text(PROFILE.replace("card: line.card", "card: header.who"))
    directory = {"VENDORS__DIRECTORY": str(profile.parent)}
    payload = '{"lines":[{"stage":"P"}]}'

    told = vendors("explain", "acme", "-", "--header", "who=c=9", stdin=payload, **directory)

    assert "reference card           header.who c=9" in told.output


def test_explain_says_that_the_worker_would_not_let_a_profile_read_it(profile: Path) -> None:
    card_data = '{"lines":[],"note":"4111 1111 1111 1111"}'

    assert (
        "does not let a profile read it: card_data"
        in vendors("explain", profile, "-", stdin=card_data).output
    )
    key = vendors("explain", profile, "-", "--key", "4111111111111111", stdin="{}").output
    assert "does not let a profile read it: card_data" in key


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("explain", "meridan", "-"), "no profile of 'meridan': did you mean `meridian`?"),
        (("test", "absent.yaml"), "absent.yaml: not readable"),
        (("explain", "meridian", "-", "--header", "x"), "--header is NAME=VALUE"),
        (("explain", "meridian", "-", "--at", "noon"), "a time like 2026-03-02T06:00"),
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
    environment = {"FULFILLMENT_VENDORS__DIRECTORY": str(tmp_path)}

    told = CliRunner().invoke(cli, command, env=environment)

    assert told.exit_code == 2
    assert "broken.yaml:2:1: roel: is no field here: did you mean `role`?" in told.output


RICH = """\
vendor: rich
role: carrier
version: 1
live_tracking: true
when: {one_of: {message.env: live}}
reference_kinds: [waybill]
rules:
  - each:
      scan: {list: message.scans, newest_first: true}
      part: {match: scan.note, pattern: 'to (?P<to>[A-Z]+)'}
    when: {none_of: {scan.kind: draft}}
    references: {waybill: message.no}
    serials: {from: scan.first, to: scan.last}
    carton: scan.carton
    facts:
      - code: scan.code
        codes: {B: returning, "D*": {status: delivered, alert: late}}
        patterns: {'X\\d': in_transit}
        after: [{seen: B, codes: {D1: returned}}]
        time: {at: scan.day, clock: scan.hour, format: "%Y-%m-%d %H:%M", override_zone: Asia/Dubai}
      - when: {present: scan.pickup}
        status: available_for_pickup
        text: part.to
"""


def test_explain_tells_of_every_construct(tmp_path: Path) -> None:
    profile, message = tmp_path / "rich.yaml", tmp_path / "message.json"
    profile.write_text(RICH)
    scans = [
        {"code": "D1", "kind": "scan", "first": 1, "last": 9, "carton": "1/3", "pickup": "x"},
        {"code": "B", "kind": "scan", "day": "2026-03-02", "hour": "09:00", "note": "to DXB"},
        {"code": "B", "kind": "draft"},
    ]
    message.write_text(json.dumps({"env": "live", "no": "W1", "scans": scans, "eta": None}))

    told = vendors("explain", profile, message, "--at", "2026-03-03T00:00").output

    lines = {" ".join(line.split()) for line in told.splitlines()}
    assert {
        "when message.env is one of live",
        "when scan.kind is not none of draft",
        "serials scan.first 1-9",
        "carton scan.carton 1-3",
        "after B -> was seen: what follows it in the list means otherwise",
        "decided by after D1 -> means returned, after B",
        "decided by status -> means available_for_pickup",
        "text part.to absent",
        "time absent -> none is there: the record's own, precision unknown",
        "=> ignored: not what `when` lets through",
        "Nothing reads eta",
    } <= lines, told
    assert any("2026-03-02T05:00:00Z, exact (Asia/Dubai, whatever" in line for line in lines), told
    other = vendors("explain", profile, "-", stdin='{"env": "test"}').output
    assert "message.env is not one of live" in other


def test_codes_of_every_table_are_looked_for_in_the_examples(tmp_path: Path) -> None:
    profile = tmp_path / "rich.yaml"
    example = """
examples:
  - name: x
    messages: '{"env":"live","no":"1","scans":[{"code":"D1"},{"code":"B"},{"code":"X7"}]}'
    expect: [fact: in_transit, fact: returning, fact: returned]
"""
    profile.write_text(RICH + example)

    (proved,) = as_data("test", profile)

    assert proved["holds"]
    assert proved["in_no_example"] == [{"field": "rules[0].facts[0]", "code": "D*"}]

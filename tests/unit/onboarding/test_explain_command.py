"""The command that tells what becomes of a message, and how."""

import json
from pathlib import Path

import pytest
from command_samples import EXAMPLES, MESSAGE, PROFILE, as_data, vendors

from card_fulfillment.onboarding.unread import fields_of
from card_fulfillment.vendors.profile import load_profile

WHEN = "rules:\n  - when: {absent: line.void, present: line.begun}"


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
    assert begun.endswith("; there is no line.done")
    assert "time_fallback line.begun" in lines
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


def test_no_example_is_written_of_what_is_no_text(profile: Path, tmp_path: Path) -> None:
    """With other bytes in it the example would be of another message."""
    packed = tmp_path / "packed"
    packed.write_bytes(b"\x1f\x8b\x08")

    told = vendors("explain", profile, packed, "--example")

    assert told.exit_code == 1
    assert "card-fulfillment: not written in UTF-8: no example can hold it" in told.output
    assert "expect" not in told.output


def test_what_a_message_becomes_is_an_example_for_the_profile(profile: Path, message: Path) -> None:
    example = vendors("explain", profile, message, "--example", "--at", "2026-03-03T00:00")
    profile.write_text(PROFILE + example.output)

    assert len(load_profile(profile).examples[0].expect) == 4
    assert vendors("test", profile).exit_code == 0


@pytest.mark.parametrize("message", ['{"lines":[]}\x85', '{"lines":[{"stage":"a\x85b"}]}\n'])
def test_an_example_is_of_the_very_message(profile: Path, message: str) -> None:
    example = vendors("explain", profile, "-", "--example", stdin=message)
    profile.write_text(PROFILE + example.output)

    assert load_profile(profile).examples[0].messages == [message]


def test_explain_knows_vendors_headers_and_stdin(profile: Path) -> None:
    profile.write_text(PROFILE.replace("card: line.card", "card: header.who"))
    directory = {"VENDORS__DIRECTORY": str(profile.parent)}
    payload = '{"lines":[{"stage":"P"}]}'

    told = vendors("explain", "acme", "-", "--header", "who=c=9", stdin=payload, **directory)

    assert "reference card           header.who c=9" in told.output


def test_fields_are_named_in_their_order_however_deep_they_are(profile: Path) -> None:
    deep = b"[" * 1000 + b"1" + b"]" * 1000
    message = b'{"b": {"x": 1, "y": [2, 3]}, "a": %s, "c": 4}' % deep

    *fields, last = fields_of(message, {}, load_profile(profile))

    assert fields == ["b.x", "b.y[]", "b.y[]", f"a{'[]' * 1000}"]
    assert last == "c"


def test_an_object_that_stands_for_a_list_of_one_is_read_as_one(profile: Path) -> None:
    line = {"card": "c1", "stage": "P", "begun": "2026-03-02T06:00", "holder": "A. Name"}

    told = vendors("explain", profile, "-", stdin=json.dumps({"lines": line}))

    assert "=> fact produced" in told.output
    assert told.output.splitlines()[-1] == "Nothing reads lines.holder"


def test_a_message_that_stands_for_a_list_of_one_is_read_as_one(profile: Path) -> None:
    line = '{"card":"c1","stage":"P","begun":"2026-03-02T06:00"}'
    text = PROFILE.replace("message.lines", "message").replace("rules:\n  -", f"{WHEN}\n   ")
    examples = (EXAMPLES % "produced").replace(f'{{"lines":[{line}]}}', line)
    profile.write_text(text + examples)

    told = vendors("explain", profile, "-", stdin=line)

    assert "=> fact produced" in told.output
    assert "Nothing reads" not in told.output
    paths = [each["path"] for each in as_data("test", profile)[0]["absent_in_all_examples"]]
    assert paths == ["line.done", "line.void"]


def test_a_key_and_a_header_may_be_any_bytes(profile: Path) -> None:
    profile.write_text(PROFILE.replace("card: line.card", "card: header.who"))
    options = ("--key", "\udcff", "--header", "who=\udcff")

    told = vendors("explain", profile, "-", *options, stdin='{"lines":[{"stage":"P"}]}')

    assert told.exit_code == 0, told.output
    assert "unusable (malformed)" in told.output


def test_explain_says_that_the_worker_would_not_let_a_profile_read_it(profile: Path) -> None:
    card_data = '{"lines":[{"stage":"P","card":"c1"}],"note":"4111 1111 1111 1111"}'

    told = vendors("explain", profile, "-", stdin=card_data).output
    assert "does not let a profile read it: card_data" in told
    assert "produced" not in told
    in_json = as_data("explain", profile, "-", stdin=card_data)
    assert in_json["kept_from_mapping"]["reason"] == "card_data"
    assert (in_json["outcomes"], in_json["rules"], in_json["unread"]) == ([], [], [])
    example = vendors("explain", profile, "-", "--example", stdin=card_data)
    assert example.exit_code == 1
    assert "does not let a profile read it: card_data" in example.output
    assert "4111" not in told + example.output
    key = vendors("explain", profile, "-", "--key", "4111111111111111", stdin="{}").output
    assert "does not let a profile read it: card_data" in key


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
        reason: {at: scan.why, codes: {R14: recipient_absent}}
      - when: {present: scan.pickup}
        status: available_for_pickup
        text: part.to
"""


def test_explain_tells_of_every_construct(tmp_path: Path) -> None:
    profile, message = tmp_path / "rich.yaml", tmp_path / "message.json"
    profile.write_text(RICH)
    scans = [
        {"code": "D1", "kind": "scan", "first": 1, "last": 9, "carton": "1/3", "pickup": "x"},
        {"code": "B", "kind": "scan", "day": "2026-03-02", "hour": "09:00", "why": "R15"},
        {"code": "B", "kind": "draft"},
    ]
    message.write_text(json.dumps({"env": "live", "no": "W1", "scans": scans, "eta": None}))

    told = vendors("explain", profile, message, "--at", "2026-03-03T00:00").output

    lines = {" ".join(line.split()) for line in told.splitlines()}
    assert {
        "when message.env is one of live",
        "when scan.kind is one of draft",
        "serials scan.first 1-9",
        "carton scan.carton 1-3",
        "after B -> was seen: what follows it in the list means otherwise",
        "decided by after D1 -> means returned, after B",
        "decided by status -> means available_for_pickup",
        "text part.to absent",
        "reason scan.why R15 -> is no reason known: did you mean `R14`?",
        "time absent -> none is there: the record's own, precision unknown",
        "=> ignored: not what `when` lets through",
        "Nothing reads eta",
    } <= lines, told
    assert any("2026-03-02T05:00:00Z, exact (Asia/Dubai, whatever" in line for line in lines), told
    other = vendors("explain", profile, "-", stdin='{"env": "test"}').output
    assert "message.env is none of live" in other


LINES = """\
vendor: lined
role: bureau
version: 1
live_tracking: true
reference_kinds: [card]
rules:
  - each: {line: message.lines, part: {match: line, pattern: '^(?P<no>[0-9]+) (?P<card>.+)$'}}
    references: {card: part.card}
    file: {name: message.file, line: part.no, sequence: message.number}
    facts: [{status: shipped}]
"""


def test_explain_tells_of_lines_where_each_part_of_them_stands(tmp_path: Path) -> None:
    profile = tmp_path / "lined.yaml"
    profile.write_text(LINES)
    message = json.dumps({"file": "F", "number": 7, "lines": ["1 c1", "nothing"]})

    told = vendors("explain", profile, "-", stdin=message).output

    lines = {" ".join(line.split()) for line in told.splitlines()}
    assert {
        "file name message.file F",
        "file line part.no 1",
        "file sequence message.number 7",
        "each part line absent -> no such text, or not of the pattern",
        "3 unusable (malformed): a line of a file without its number at lines[1].no",
    } <= lines


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


def test_what_is_there_and_cannot_be_read_is_not_told_to_be_absent(profile: Path) -> None:
    lines = [{"card": "c1", "stage": "P", "begun": "05/03/2026"}, {"card": {}, "stage": "P"}]
    example = f"  - {{name: x, messages: '{json.dumps({'lines': lines[:1]})}', expect: []}}\n"
    profile.write_text(f"{PROFILE}examples:\n{example}")

    told = vendors("explain", profile, "-", stdin=json.dumps({"lines": lines}))

    said = {" ".join(line.split()) for line in told.output.splitlines()}
    assert {
        "time line.done absent",
        "time line.begun unreadable -> no time of the declared format and zone",
        "reference card line.card unreadable -> neither text nor an integer",
    } <= said
    assert "line.begun" not in vendors("test", profile).output

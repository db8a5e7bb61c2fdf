"""All that is wrong with a file is told at once, with what was probably meant."""

from pathlib import Path

import pytest
from vendor_samples import FLAT, HEAD, profile_of

from card_fulfillment.vendors.mistakes import Mistake, ProfileError
from card_fulfillment.vendors.profile import load_profiles


def mistakes(directory: Path, text: str) -> list[Mistake]:
    with pytest.raises(ProfileError) as refused:
        profile_of(directory, text)
    return list(refused.value.mistakes)


@pytest.mark.parametrize(
    ("old", "new", "field", "meant"),
    [
        ("references:", "refrences:", "rules[0].refrences", "references"),
        ("version:", "Version:", "Version", "version"),
        ("S: shipped", "S: shiped", "rules[0].facts[0].codes.S", "shipped"),
        ("K: keep", "K: {status: kep}", "rules[0].facts[0].codes.K.status", "keep"),
        ("K: keep", "K: {staus: keep}", "rules[0].facts[0].codes.K.staus", "status"),
        ("role: bureau", "role: Bureu", "role", "bureau"),
        (
            "time: message.at",
            "time: {at: message.at, zon: UTC}",
            "rules[0].facts[0].time.zon",
            "zone",
        ),
        (
            "time: message.at",
            "reason: {at: message.r, codes: {a: damagd}}",
            "rules[0].facts[0].reason.codes.a",
            "damaged",
        ),
        (
            "time: message.at",
            "time: [message.at, {at: message.at, frmat: iso}]",
            "rules[0].facts[0].time[1].frmat",
            "format",
        ),
        ("codes: {", "codez: {", "rules[0].facts[0].codez", "codes"),
    ],
)
def test_a_slip_is_told_with_what_was_probably_meant(
    tmp_path: Path, old: str, new: str, field: str, meant: str
) -> None:
    (found,) = mistakes(tmp_path, (HEAD + FLAT).replace(old, new, 1))

    assert found.field == field
    assert found.message.endswith(f": did you mean `{meant}`?")


@pytest.mark.parametrize(
    ("level", "value", "meant"),
    [
        ("{match: message.line, pattern: '(?P<state>A)'}", "x.sate", ": did you mean `state`?"),
        ("{match: message.line, pattern: '(?P<state>A)'}", "x.at", " (state)"),
        ("{entries: message.states}", "x.vlue", ": did you mean `value`?"),
    ],
)
def test_what_a_level_can_never_have_is_not_asked_of_it(
    tmp_path: Path, level: str, value: str, meant: str
) -> None:
    text = (HEAD + FLAT).replace("- references:", f"- each: {{x: {level}}}\n    references:")

    (found,) = mistakes(tmp_path, text.replace("time: message.at", f"time: {value}"))

    assert found.field == "rules[0].facts[0].time"
    assert found.message == f"'x' has no {value[2:]!r}{meant}"


@pytest.mark.parametrize(
    ("said", "field", "message"),
    [
        ("methods: {m: {working_days: {tranzit: 1}}}", "methods.m.working_days.tranzit", "transit"),
        (
            "methods: {m: {working_days: {outcome: 1}}}",
            "methods.m.working_days.outcome",
            "is no field here (ordered, production, transit)",
        ),
        ("methods: {m: {working_days: 4}}", "methods.m.working_days", "an object is expected"),
        (
            "methods: {m: {working_days: {transit: 1.5}}}",
            "methods.m.working_days.transit",
            "a whole number is expected",
        ),
        ("methods: {m: {working_days: {transit: -1}}}", "methods.m.working_days.transit", "0"),
        ("methods: {m: {working_days: {transit: 251}}}", "methods.m.working_days.transit", "250"),
        ("weekend: [friday, saterday]", "weekend[1]", "did you mean `saturday`?"),
        (
            "weekend: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]",
            "weekend",
            "all days of the week: nobody would ever work",
        ),
        ("holidays: [2026-12-02, 2.12.2026]", "holidays[1]", "a date is expected, e.g. 2026-12-02"),
        ("holidays: [1764633600]", "holidays[0]", "a date is expected"),
        ("holidays: [[2026-12-02]]", "holidays[0]", "a date is expected"),
        ("holidays: 2026-02-30", "holidays", "there is no day 2026-02-30"),
    ],
)
def test_days_that_cannot_be_meant_are_refused_with_their_line(
    tmp_path: Path, said: str, field: str, message: str
) -> None:
    (found,) = mistakes(tmp_path, HEAD + said + FLAT)

    assert found.field == field
    assert message in found.message
    assert (found.place and found.place.line) == 7


@pytest.mark.parametrize(
    ("added", "field", "message"),
    [
        ("each: {x: {lst: message.a}}", "rules[0].each.x.lst", "did you mean `list`?"),
        (
            "each: {x: {match: message.a, pattern: '[A-Z]'}}",
            "rules[0].each.x.pattern",
            "names no group, e.g. (?P<number>[0-9]+)",
        ),
        ("each: {x: {split: message.a}}", "rules[0].each.x", "split and by go together"),
        ("each: {x: {list: message.a, by: x}}", "rules[0].each.x", "split and by go together"),
        (
            "each: {x: {split: message.a, list: message.b, by: x}}",
            "rules[0].each.x",
            "one of list, entries, split, json, match is expected",
        ),
        (
            "file: {name: message.f, line: message.l, trailer: {when: {}, total: message.n}}",
            "rules[0].file.trailer.when",
            "says nothing: it would always hold",
        ),
    ],
)
def test_a_part_that_would_say_nothing_is_refused(
    tmp_path: Path, added: str, field: str, message: str
) -> None:
    text = (HEAD + FLAT).replace("- references:", f"- {added}\n    references:")

    assert (field, message) in [
        (each.field, each.message[-len(message) :]) for each in mistakes(tmp_path, text)
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("role: bureau", "role:", "one of issuer, bureau, aggregator, carrier is expected"),
        ("role: bureau", "role: bureau\nmethods: {m: {carrier: ''}}", "at least 1 character"),
        ("[card, batch]", "[]", "at least one is expected"),
        ("live_tracking: false", "live_tracking:", "true or false is expected"),
    ],
)
def test_what_is_expected_is_told_in_words_of_the_language(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert any(
        message in each.message for each in mistakes(tmp_path, (HEAD + FLAT).replace(old, new, 1))
    )


def test_all_mistakes_of_a_file_are_told_in_its_order(tmp_path: Path) -> None:
    text = (HEAD + FLAT).replace("card, batch", "card, card").replace("A: accepted", "A: x, A: y")
    text = text.replace("role: bureau", "roel: bureau").replace("time: message.at", "time: at all")

    found = mistakes(tmp_path, text)

    assert [(m.place and m.place.line, m.field) for m in found] == [
        (3, "roel"),
        (12, "rules[0].facts[0].codes.A"),
        (12, ""),
        (13, "rules[0].facts[0].time"),
    ]


def test_what_is_nowhere_near_shows_what_there_is(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, (HEAD + FLAT).replace("time:", "when: {}\n        moment_of_it:"))

    assert "(when, status, code, " in found.message


def test_each_file_of_a_directory_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("vendor: [")
    (tmp_path / "b.yaml").write_text(HEAD)
    (tmp_path / "c.yaml").write_text(HEAD + FLAT)
    (tmp_path / "d.yaml").write_text(HEAD + FLAT)

    with pytest.raises(ProfileError) as refused:
        load_profiles(tmp_path, enabled=["acm"])

    assert [line.replace(f"{tmp_path}/", "") for line in str(refused.value).splitlines()] == [
        "a.yaml:1:10: no YAML: expected the node content, but found '<stream end>'",
        "b.yaml:2:1: rules: is missing",
        "d.yaml: vendor: a second profile of 'acme', beside c.yaml",
        "vendors.enabled: no profile of acm: did you mean `acme`?",
    ]


def test_a_short_file_that_means_a_long_one_is_refused(tmp_path: Path) -> None:
    levels = "".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]\n" for i in range(1, 9))

    (found,) = mistakes(tmp_path, f"x0: &x0 [a, b]\n{levels}")

    assert "more than 200000 values" in found.message


WRONG = """
when: {present: mesage.env}
rules:
  - each: {order: message.orders, line: ordr.lines}
    references: {card: lin.card, bach: order.number}
    facts:
      - code: [line.a, lines.b]
        codes: {A/B: produced}
        time: [line.at, {at: line.day, clock: lien.hour}]
      - code: line.c
        codes: {C: produced}
  - references: {card: message.card}
    facts:
      - {code: message.c, codes: {C: shipped}, ignore: [C]}
      - {code: [message.c, message.d], codes: {C: shipped}}
      - {code: message.c, codes: {C: shipped}, names: [{kind: card, value: message.d}]}
"""


def test_what_is_well_written_and_misplaced_is_told_where_it_is(tmp_path: Path) -> None:
    found = mistakes(tmp_path, HEAD + WRONG)

    assert [
        (m.field, m.message.partition(": ")[2]) for m in found if "did you mean" in m.message
    ] == [
        ("when.present", "did you mean `message`?"),
        ("rules[0].each.line", "did you mean `order`?"),
        ("rules[0].references.card", "did you mean `line`?"),
        ("rules[0].references.bach", "did you mean `batch`?"),
        ("rules[0].facts[0].code[1]", "did you mean `line`?"),
        ("rules[0].facts[0].time[1].clock", "did you mean `line`?"),
    ]
    assert [(m.field, m.message[:20]) for m in found[6:]] == [
        ("rules[1].facts[0]", "code 'C' is both map"),
        ("rules[1].facts[1]", "'C' is no pair of co"),
        ("rules[1].facts[2]", "names acme/card, whi"),
    ]
    assert all(m.place is not None for m in found)


@pytest.mark.parametrize(
    ("zone", "meant"),
    [
        ("asia/dubay", ": did you mean `Asia/Dubai`?"),
        ("utc", ": did you mean `UTC`?"),
        ("AST", ", e.g. Asia/Dubai"),
        ("GMT+4", ", e.g. Asia/Dubai"),
    ],
)
def test_a_zone_is_told_with_what_was_probably_meant(tmp_path: Path, zone: str, meant: str) -> None:
    (found,) = mistakes(tmp_path, HEAD + f"zone: {zone}\n" + FLAT)

    assert found.message == f"{zone!r} is no time zone of the tz database{meant}"


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 66 + "]" * 66])
def test_a_file_that_is_nested_without_end_is_told_and_ends_nothing(
    tmp_path: Path, text: str
) -> None:
    (mistake,) = mistakes(tmp_path, text)
    assert mistake.message == "no YAML: nested too deeply, or within itself"


@pytest.mark.parametrize(
    ("code", "pattern", "refused"),
    [
        ("message.c", ".*", True),
        ("message.c", "(?s).+", True),
        ("message.c", "[A-Z].*", False),
        ("message.c", r"\D+", False),
        ("message.c", "[^0-9].*", False),
        ("[message.c, message.d]", ".*/.*", True),
        ("[message.c, message.d]", "A/.*", False),
    ],
)
def test_a_pattern_that_means_every_code_guesses_and_is_refused(
    tmp_path: Path, code: str, pattern: str, *, refused: bool
) -> None:
    text = (HEAD + FLAT).replace("code: message.code", f"code: {code}")
    text = text.replace(
        "codes: {A: accepted, S: shipped, K: keep}", f"patterns: {{'{pattern}': lost}}"
    )
    if not refused:
        assert profile_of(tmp_path, text).rules
        return
    (found,) = mistakes(tmp_path, text)
    assert found.field == "rules[0].facts[0]"
    assert found.message == f"{pattern!r} would mean every code: none may be guessed"

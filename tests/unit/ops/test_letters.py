"""Dead letters on a terminal."""

from datetime import UTC, datetime

import pytest

from card_fulfillment.commands import check
from card_fulfillment.messages.envelope import Record, RefusalReason
from card_fulfillment.ops import letters
from card_fulfillment.pipeline.batch import RecordClass
from card_fulfillment.pipeline.redrive import Redriven, StoredLetter
from card_fulfillment.postgres.bulk_check import Checked

AT = datetime(2026, 3, 2, 6, tzinfo=UTC)


def letter(
    value: bytes | None = b"{}",
    reason: RefusalReason = RefusalReason.MALFORMED,
    message: str = "no object",
) -> StoredLetter:
    record = Record("card-created", 3, 18, 0, b"c\x1b[1m1", value, (("h\r", b"\x00"),))
    return StoredLetter(
        id="6c1e",
        reason=reason,
        field_path="card_id",
        message=message,
        vendor="meridian",
        mapping_version="1",
        topic="card-created",
        partition=3,
        offset=18,
        record_timestamp=0,
        recorded_at=AT,
        sha256="ab",
        state="open",
        closed_at=None,
        closed_by=None,
        record=None if value is None else record,
    )


@pytest.mark.parametrize(
    "hostile",
    ["\x1b[2J", "\x07", "\r", "\x9b31m", "\u202e", "\x00", "\u2028", "\x7f"],
)
def test_nothing_in_a_record_reaches_the_terminal_as_a_control_character(hostile: str) -> None:
    shown = letters.in_full(letter(f"a{hostile}b".encode(), message=f"c{hostile}d"))
    listed = letters.line(letter(message=f"c{hostile}d"))
    assert all(c.isprintable() or c == "\n" for c in shown + listed)
    assert "\n" not in listed


def test_bytes_that_are_no_text_are_shown_as_what_they_are() -> None:
    assert letters.plain_bytes(b"a\xffb") == "a\\xffb"


def test_what_is_long_is_cut_and_says_so() -> None:
    shown = letters.plain_bytes(b"x" * 100_000)
    assert len(shown) < 5000
    assert shown.endswith("… 100000 bytes in all")


def test_lines_of_a_record_stay_lines() -> None:
    assert letters.plain_bytes(b'{\n "a": 1\n}') == '{\n "a": 1\n}'


def test_a_line_has_all_that_one_searches_for() -> None:
    assert letters.line(letter()) == (
        "6c1e  2026-03-02T06:00:00Z  malformed  meridian  card-created[3]@18  card_id: no object"
    )


def test_withheld_bytes_are_explained() -> None:
    shown = letters.in_full(letter(None, RefusalReason.CARD_DATA))
    assert "not kept, it may hold card data; sha256 ab" in shown


@pytest.mark.parametrize("reason", RefusalReason)
def test_every_reason_says_what_to_do(reason: RefusalReason) -> None:
    assert letters.WHAT_TO_DO[reason] in letters.in_full(letter(None, reason))


def test_a_redrive_says_what_became_of_it_and_a_dry_run_what_would() -> None:
    done = Redriven(
        letter(), RecordClass.APPLIED, closed=True, published=["card c1 version 4"], still=[]
    )
    assert letters.outcome(done, dry_run=False) == (
        "closed  6c1e  malformed  card-created[3]@18  applied; publishes card c1 version 4"
    )
    assert letters.outcome(done, dry_run=True).startswith("would close  6c1e")
    left = done._replace(closed=False, published=[], still=["malformed card_id: no object"])
    assert letters.outcome(left, dry_run=False).startswith("stays open")
    shut = left._replace(letter=letter()._replace(state="closed"))
    assert letters.outcome(shut, dry_run=False).startswith("stays closed")
    assert letters.outcome(shut, dry_run=True).startswith("would stay closed")


def test_what_is_wrong_about_a_bulk_does_nothing_to_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A vendor chooses what its parcels are called."""
    check._tell("b1", Checked("b1", 1, waits=False, wrong=["parcel A\x1b[2JX of acme: 1 by all"]))
    assert capsys.readouterr().out == "b1: parcel A\\x1b[2JX of acme: 1 by all\n"

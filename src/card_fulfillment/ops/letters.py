"""Dead letters as text for a terminal: whatever a record holds, it prints as plain characters."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.redrive import Redriven, StoredLetter

MOST_CHARACTERS: Final = 4096
_MICROS: Final = 1_000_000
_LABEL_WIDTH: Final = 13

WHAT_TO_DO: Final[Mapping[RefusalReason, str]] = {
    RefusalReason.TOO_LARGE: "ask the sender; or raise intake.max_record_bytes, and redrive",
    RefusalReason.EMPTY: "nothing: a record without a value says nothing",
    RefusalReason.MALFORMED: "ask the sender to send it right; it is a new record then",
    RefusalReason.CARD_DATA: "tell who is responsible for card data; where the digits are no card "
    "number, set guard.bins or the profile's references, and redrive: it is read from Kafka again",
    RefusalReason.UNMAPPED_CODE: "add the code to the vendor's profile, deploy it, and redrive",
    RefusalReason.FUTURE_TIME: "ask the vendor about its clock; redrive does not change the time",
    RefusalReason.EVENT_ID_CONFLICT: "ask the sender which of both is true",
    RefusalReason.CARD_CONFLICT: "ask the sender which of both is true",
    RefusalReason.REFERENCE_CONFLICT: "see the timelines of the cards; it waits until they agree",
    RefusalReason.VENDOR_MISMATCH: "ask why the vendor has it; it waits for the order",
    RefusalReason.PARKING_DEADLINE: "ask who should have announced or ordered it; it waits on",
    RefusalReason.READER_FAILED: "a defect of ours: deploy a version that reads it, and redrive",
    RefusalReason.APPLYING_FAILED: "where it is too much or takes too long, see docs/runbook.md, "
    "Records that nobody foresaw; else a defect of ours: deploy a version that takes it, redrive",
    RefusalReason.WORKER_DIED: "a defect of ours: find out what ended the worker, deploy a version "
    "that withstands it, and redrive: it is read from Kafka again",
    RefusalReason.VENDOR_ALERT: "see the timeline; ask the vendor what it wants to be done",
    RefusalReason.FILE_TOTAL_MISMATCH: "ask the vendor whether its file or its trailer is right",
    RefusalReason.FILE_LINES_MISSING: "have the lines sent again, or redrive those in quarantine",
    RefusalReason.FILE_LINE_CONFLICT: "ask the vendor which of the contents is true",
    RefusalReason.FILE_TRAILER_MISSING: "ask the vendor whether the file was cut off",
    RefusalReason.FILE_GAP: "ask the vendor for the files that did not come",
}


def plain(text: str) -> str:
    """Nothing in it moves the cursor, changes a colour or the direction of writing."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def plain_bytes(data: bytes, most: int = MOST_CHARACTERS) -> str:
    """As text where it is UTF-8; line ends stay, the rest is cut."""
    text = data[: 4 * most].decode(errors="backslashreplace")
    shown = "\n".join(plain(line) for line in text[:most].split("\n"))
    cut = len(text) > most or len(data) > 4 * most
    return f"{shown}\n… {len(data)} bytes in all" if cut else shown


def place(letter: StoredLetter) -> str:
    return f"{letter.topic}[{letter.partition}]@{letter.offset}"


def line(letter: StoredLetter) -> str:
    """All that matters on one line, for grep."""
    closed = f"  closed by {plain(letter.closed_by or '?')}" if letter.state != "open" else ""
    return "  ".join(
        (
            letter.id,
            _time(letter.recorded_at),
            letter.reason.value,
            letter.vendor or "-",
            place(letter),
            _what(letter) + closed,
        )
    )


def tally(counts: Sequence[tuple[str, str | None, int]], state: str) -> str:
    """How many there are, by reason and vendor."""
    total = sum(count for *_, count in counts)
    parts = ", ".join(
        f"{count} {reason}" + (f" ({vendor})" if vendor else "") for reason, vendor, count in counts
    )
    return f"{total} {state}" + (f": {parts}" if parts else "")


def in_full(letter: StoredLetter) -> str:
    """Everything that is known."""
    said = "\n".join(f"{label:<{_LABEL_WIDTH}}{text}" for label, text in _facts(letter))
    if letter.record is None or letter.record.value is None:
        return said
    return f"{said}\n\n{plain_bytes(letter.record.value)}"


def _facts(letter: StoredLetter) -> Iterator[tuple[str, str]]:
    yield "dead letter", letter.id
    yield "state", _state(letter)
    yield "reason", letter.reason.value
    yield "what", _what(letter)
    if letter.vendor:
        yield "vendor", f"{letter.vendor}, mapping version {letter.mapping_version}"
    at = datetime.fromtimestamp(letter.record_timestamp / _MICROS, UTC)
    yield "record", f"{place(letter)} of {_time(at)}"
    yield "to do", WHAT_TO_DO[letter.reason]
    if letter.record is None:
        yield "value", _why_no_bytes(letter)
        return
    yield "sha256", letter.sha256
    yield "key", "none" if letter.record.key is None else plain_bytes(letter.record.key, 256)
    for name, value in letter.record.headers:
        yield "header", f"{plain(name)}: {plain_bytes(value or b'', 256)}"
    yield "value", f"{len(letter.record.value or b'')} bytes"


def _why_no_bytes(letter: StoredLetter) -> str:
    if letter.is_alert:
        return "none: it is about a stored fact"
    if letter.reason is RefusalReason.CARD_DATA:
        return f"not kept, it may hold card data; sha256 {letter.sha256}"
    if letter.sha256 == sha256().hexdigest():
        return "none: the record has no value"
    if letter.reason is RefusalReason.TOO_LARGE:
        return f"not kept, it is larger than a mebibyte; sha256 {letter.sha256}"
    if letter.reason is RefusalReason.WORKER_DIED:
        return f"not kept, nobody has looked at it; sha256 {letter.sha256}"
    return f"not kept, something private may be in it; sha256 {letter.sha256}"


def _state(letter: StoredLetter) -> str:
    if letter.closed_at is None:
        return f"{letter.state} since {_time(letter.recorded_at)}"
    by = plain(letter.closed_by or "?")
    return (
        f"{letter.state} at {_time(letter.closed_at)} by {by}, opened {_time(letter.recorded_at)}"
    )


def _what(letter: StoredLetter) -> str:
    where = f"{plain(letter.field_path)}: " if letter.field_path else ""
    return where + plain(letter.message)


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def outcome(redriven: Redriven, *, dry_run: bool) -> str:
    """What became of one, or would."""
    letter = redriven.letter
    verdict = "closed" if redriven.closed else f"stays {letter.state}"
    if dry_run:
        verdict = "would close" if redriven.closed else f"would stay {letter.state}"
    said = [redriven.became.value] if redriven.became else []
    said += [f"publishes {_list(redriven.published)}"] if redriven.published else []
    said += [f"in quarantine: {plain(why)}" for why in redriven.still]
    return f"{verdict}  {letter.id}  {letter.reason.value}  {place(letter)}  " + "; ".join(said)


def _list(items: Iterable[str]) -> str:
    return ", ".join(map(plain, items))

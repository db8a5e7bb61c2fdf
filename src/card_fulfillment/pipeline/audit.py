"""Holding what Kafka shows subscribers against the outbox, record by record.

Of an output topic it proves that each lane is there once, in order and without a gap, byte for byte
as it was committed, and that of each subject the versions follow each other. It keeps nothing but
where each lane goes on: what must be known of a record beside itself stands in the outbox.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

import orjson

from card_fulfillment.messages.bulk_event import bulk_event_id
from card_fulfillment.messages.card_event import card_event_id
from card_fulfillment.messages.envelope import Record
from card_fulfillment.messages.headers import Header

_STORED_HEADERS: Final = ("ce_type", "ce_id", "ce_subject", "ce_time", "traceparent")
_LAST_SEQ: Final = 2**63 - 1


class Violation(StrEnum):
    """What a subscriber should never see; the runbook says of each where it can come from."""

    FOREIGN_RECORD = "foreign_record"
    WRONG_LANE = "wrong_lane"
    REPEATED = "repeated"
    MISSING = "missing"
    LOST = "lost"
    NOT_IN_DATABASE = "not_in_database"
    DIFFERS = "differs"
    WRONG_KEY = "wrong_key"
    WRONG_EVENT_ID = "wrong_event_id"
    WRONG_VERSION = "wrong_version"
    BROKEN_CHAIN = "broken_chain"


class Finding(NamedTuple):
    """offset: of the record that shows it; none where one is missing."""

    violation: Violation
    partition: int
    offset: int | None
    detail: str

    @property
    def place(self) -> str:
        return f"[{self.partition}]" + (f" at {self.offset}" if self.offset is not None else "")


class Before(NamedTuple):
    """The version before, of the same subject. status: none where it is no event any more."""

    lane: int
    seq: int
    status: str | None


class LedgerRow(NamedTuple):
    """A change as it was committed. sha256: of its value; version: none of a dead letter.

    headers: as `messages.headers` reads them.
    """

    seq: int
    key: str | None
    headers: str
    sha256: bytes
    version: int | None
    before: Before | None


class Ledger(Protocol):
    """The outbox of one topic, read only."""

    async def rows(self, lane: int, seqs: Collection[int]) -> Mapping[int, LedgerRow]:
        """The changes of a lane that there are among these."""
        ...


class Pinned(NamedTuple):
    """An output topic as the database knows it.

    lanes: by partition. headers: of a key and a row's headers, all that is published with it.
    partition_of: a key.
    """

    lanes: Mapping[int, int]
    headers: Callable[[str | None, str], Sequence[Header]]
    partition_of: Callable[[str | None], int]


class Audit:
    """One output topic, read from some place on.

    begun: partitions that are read from the first record ever written to them: their lanes begin
    with 1. Of the others the first record that is read says where its lane goes on.
    """

    def __init__(self, pinned: Pinned, begun: Collection[int]) -> None:
        self._pinned = pinned
        self._last: dict[int, int] = dict.fromkeys(begun, 0)
        self.records = 0

    async def take(self, records: Sequence[Record], ledger: Ledger) -> list[Finding]:
        """Judge what was read next, of each partition in its order; all of it, or none.

        ledger: read after the records, so that it has all that was published.
        """
        marked = [(record, _mark(record)) for record in records]
        seqs: defaultdict[int, set[int]] = defaultdict(set)
        for record, mark in marked:
            if mark is not None and mark[0] == self._pinned.lanes[record.partition]:
                seqs[mark[0]].add(mark[1])
        rows = {lane: await ledger.rows(lane, of_lane) for lane, of_lane in seqs.items()}
        self.records += len(records)
        return [
            Finding(violation, record.partition, record.offset, detail)
            for record, mark in marked
            for violation, detail in self._judged(record, mark, rows)
        ]

    def lost(self, published: Mapping[int, int]) -> list[Finding]:
        """What the database noted as published and is not there, once all of that was read.

        published: seq by partition.
        """
        found: list[Finding] = []
        for partition, last in self._last.items():
            if last < (noted := published.get(partition, 0)):
                detail = f"ends with seq {last}, but {noted} was published"
                found.append(Finding(Violation.LOST, partition, None, detail))
                self._last[partition] = noted  # told once
        return found

    def forget(self, partitions: Collection[int]) -> None:
        """Their records were deleted before they were read: the next one says where they go on."""
        for partition in partitions:
            self._last.pop(partition, None)

    def begin_anew(self, partitions: Collection[int]) -> None:
        """Their logs end before what was read of them: they must have all of it once more."""
        self._last |= dict.fromkeys(partitions, 0)

    def _judged(
        self,
        record: Record,
        mark: tuple[int, int] | None,
        rows: Mapping[int, Mapping[int, LedgerRow]],
    ) -> Iterator[tuple[Violation, str]]:
        if mark is None:
            yield Violation.FOREIGN_RECORD, "without lane and seq: the relay did not write it"
            return
        lane, seq = mark
        if lane != self._pinned.lanes[record.partition]:
            yield Violation.WRONG_LANE, f"of lane {lane}, which is another partition's"
            return
        row = rows[lane].get(seq)
        yield from self._followed(record.partition, seq, is_ours=row is not None)
        if row is None:
            yield Violation.NOT_IN_DATABASE, f"no change of the outbox has seq {seq}"
            return
        yield from self._held_against(record, row)
        if row.version is not None:
            yield from _event_wrong(record, row, row.version, lane)

    def _followed(
        self, partition: int, seq: int, *, is_ours: bool
    ) -> Iterator[tuple[Violation, str]]:
        last = self._last.get(partition, seq - 1)
        if is_ours or seq == last + 1:  # else whoever made a number up would move the lane
            self._last[partition] = max(last, seq)
        if seq <= last:
            yield Violation.REPEATED, f"seq {seq} comes after {last}"
        elif seq > last + 1:
            yield Violation.MISSING, f"seq {seq} comes after {last}"

    def _held_against(self, record: Record, row: LedgerRow) -> Iterator[tuple[Violation, str]]:
        key = None if row.key is None else row.key.encode()
        stored = self._stored_headers(row)
        headers = dict(record.headers)
        parts = {
            "key": record.key == key,
            "value": hashlib.sha256(record.value or b"").digest() == row.sha256,
            **{name: headers.get(name) == stored.get(name) for name in _STORED_HEADERS},
        }
        differing = [part for part, same in parts.items() if not same]
        if differing:
            yield Violation.DIFFERS, f"{', '.join(differing)} of seq {row.seq} in the outbox"
        if self._pinned.partition_of(row.key) != record.partition:
            yield Violation.WRONG_KEY, "its key belongs to another partition"

    def _stored_headers(self, row: LedgerRow) -> Mapping[str, bytes]:
        """None of them where somebody changed the row, so that nobody can read it."""
        try:
            return dict(self._pinned.headers(row.key, row.headers))
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}


def _mark(record: Record) -> tuple[int, int] | None:
    """Lane and seq, where they are numbers that a relay can have written."""
    headers = dict(record.headers)
    try:
        lane, seq = int(headers["lane"]), int(headers["seq"])
    except (KeyError, ValueError):
        return None
    return (lane, seq) if 0 < seq <= _LAST_SEQ else None


def _event_wrong(
    record: Record, row: LedgerRow, version: int, lane: int
) -> Iterator[tuple[Violation, str]]:
    """What an event of a card or bulk says of itself and of the one before it."""
    event = event_of(record.value)
    subject = (
        event.get("card_id") if event.get("subject") == "card" else event.get("bulk_issuance_id")
    )
    if subject != row.key:
        yield Violation.WRONG_KEY, "its key is not its subject's id"
    if event.get("version") != version:
        yield Violation.WRONG_VERSION, f"its version is not {version}, that of the outbox"
    event_id = _event_id(event, version)
    if event.get("event_id") != event_id:
        yield Violation.WRONG_EVENT_ID, f"its event_id is not {event_id}"
    yield from _does_not_follow(event, row, version, lane)


def _does_not_follow(
    event: Mapping[str, Any], row: LedgerRow, version: int, lane: int
) -> Iterator[tuple[Violation, str]]:
    before = row.before
    is_there = before is not None and (before.lane != lane or before.seq < row.seq)
    if is_there != (version > 1):
        yield Violation.WRONG_VERSION, f"version {version} does not come after {version - 1}"
    elif event.get("previous_fulfillment_status") != (before.status if before else None):
        yield Violation.BROKEN_CHAIN, "its previous status is not that of the version before"
    superseded = event.get("supersedes")
    if superseded and superseded not in [_event_id(event, v) for v in range(1, version)]:
        yield Violation.BROKEN_CHAIN, "it supersedes no version before it"


def event_of(value: bytes | None) -> dict[str, Any]:
    """Empty where it is none."""
    try:
        event = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}


def _event_id(event: Mapping[str, Any], version: int) -> str:
    is_card = event.get("subject") == "card"
    said = event.get("card_id" if is_card else "bulk_issuance_id")
    subject_id = said if isinstance(said, str) else ""
    return card_event_id(subject_id, version) if is_card else bulk_event_id(subject_id, version)

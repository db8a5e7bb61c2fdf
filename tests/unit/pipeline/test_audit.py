"""The auditor finds whatever subscribers should not see, and nothing where all is well."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import altered
from card_fulfillment.messages.card_event import card_event_id
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.audit import Audit, Before, Finding, Pinned, Violation
from committed import HEADERS, LANES, Published, partition_of

_DEEP: Final = b"[" * 1000 + b"]" * 1000


def audit_of(begun: Collection[int] = tuple(LANES)) -> Audit:
    return Audit(Pinned(LANES, HEADERS.of, partition_of), begun)


def found(
    published: Published, *pieces: Sequence[Record], audit: Audit | None = None
) -> list[Finding]:
    """What is found where the records come in these pieces, else all at once, and at the end."""
    audit = audit or audit_of()

    async def take() -> list[Finding]:
        taken: list[Finding] = []
        for piece in pieces or [published.records]:
            taken += await audit.take(piece, published)
        return taken + audit.lost(published.last_seqs())

    return asyncio.run(take())


def violations(findings: Sequence[Finding]) -> set[Violation]:
    return {finding.violation for finding in findings}


def some() -> Published:
    published = Published()
    for key in ("c-1", "c-02", "c-1", "c-1", "c-02", "c-1", "c-1"):
        published.say(key)
    published.say("bulk-7", bulk=True)
    published.say("bulk-7", bulk=True)
    published.complain("c-1")
    published.complain(None)
    return published


@given(st.lists(st.sampled_from(["c-1", "c-02", "c-003", "b-4"]), max_size=30), st.data())
def test_nothing_is_found_where_all_is_as_committed_however_it_is_read(
    keys: list[str], data: st.DataObject
) -> None:
    published = Published()
    for key in keys:
        published.say(key, bulk=key.startswith("b"))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(keys)), max_size=4)))
    pieces = [published.records[a:b] for a, b in zip([0, *cuts], [*cuts, len(keys)], strict=True)]
    audit = audit_of()
    assert found(published, *pieces, audit=audit) == []
    assert audit.records == len(keys)


@given(st.data())
def test_whatever_is_missing_repeated_or_elsewhere_is_found(data: st.DataObject) -> None:
    published = some()
    records = list(published.records)
    at = data.draw(st.integers(0, len(records) - 1))
    match data.draw(st.sampled_from(["drop", "repeat", "move"])):
        case "drop":
            last = not any(r.partition == records[at].partition for r in records[at + 1 :])
            del records[at]
            expected = {Violation.LOST if last else Violation.MISSING}
        case "repeat":
            records.insert(data.draw(st.integers(at + 1, len(records))), records[at])
            expected = {Violation.REPEATED}
        case _:
            others = [r for r in records if r.partition == records[at].partition]
            place = others.index(records[at])
            if place + 1 == len(others):
                return
            other = records.index(others[place + 1])
            records[at], records[other] = records[other], records[at]
            expected = {Violation.MISSING, Violation.REPEATED}
    assert violations(found(published, records)) == expected


@pytest.mark.parametrize(
    ("changed", "violation"),
    [
        ({"value": b'{"version": 1}'}, Violation.DIFFERS),
        ({"value": b"no JSON"}, Violation.DIFFERS),
        ({"value": None}, Violation.DIFFERS),
        ({"key": b"c-9"}, Violation.DIFFERS),
        ({"headers": ()}, Violation.FOREIGN_RECORD),
        ({"headers": (("lane", b"x"), ("seq", b"1"))}, Violation.FOREIGN_RECORD),
        ({"headers": (("lane", b"12"), ("seq", b"1"))}, Violation.WRONG_LANE),
        ({"headers": (("lane", b"11"), ("seq", b"99"))}, Violation.NOT_IN_DATABASE),
        ({"headers": (("lane", b"11"), ("seq", b"9" * 19))}, Violation.FOREIGN_RECORD),
        ({"headers": (("lane", b"11"), ("seq", b"0"))}, Violation.FOREIGN_RECORD),
        ({"value": b'{"supersedes": {}}'}, Violation.DIFFERS),
        ({"value": b'{"supersedes": ["x"]}'}, Violation.DIFFERS),
        ({"value": b'{"card_id": %s}' % _DEEP, "key": None}, Violation.DIFFERS),
        ({"value": b'{"subject": "card", "card_id": %s}' % _DEEP}, Violation.WRONG_EVENT_ID),
    ],
)
def test_a_record_that_is_not_as_committed_is_found(
    changed: dict[str, Any], violation: Violation
) -> None:
    published = some()
    at = next(i for i, r in enumerate(published.records) if LANES[r.partition] == 11)
    records = list(published.records)
    records[at] = altered(records[at], **changed)
    findings = found(published, records)
    assert violation in violations(findings)
    assert findings[0].offset == records[at].offset


def test_nothing_of_what_somebody_else_wrote_is_quoted() -> None:
    """It may be a card number, or do something to a terminal."""
    published = some()
    (first, *rest) = published.records
    forged_text = "\x1b]0;4111111111111111\x07"
    forged = orjson.dumps(
        dict.fromkeys(("card_id", "event_id", "version", "supersedes", "subject"), forged_text)
    )
    findings = found(published, [altered(first, value=forged, key=forged_text.encode()), *rest])
    assert {Violation.WRONG_VERSION, Violation.WRONG_EVENT_ID} <= violations(findings)
    assert "4111111111111111" not in repr(findings)


@pytest.mark.parametrize("name", ["ce_type", "ce_id", "ce_subject", "ce_time"])
def test_a_header_that_is_not_as_committed_is_found_and_named(name: str) -> None:
    published = some()
    (first, *rest) = published.records
    headers = tuple((n, b"other" if n == name else value) for n, value in first.headers)
    (finding,) = found(published, [altered(first, headers=headers), *rest])
    assert finding.violation is Violation.DIFFERS
    assert finding.detail == f"{name} of seq 1 in the outbox"


@pytest.mark.parametrize(
    "headers", ["x", "null", "[]", '["other","id","at"]', '[["x"],"id","at"]', '{"ce_id": 1}']
)
def test_a_row_whose_headers_nobody_can_read_any_more_is_found(headers: str) -> None:
    published = some()
    published.outbox[11, 1] = published.outbox[11, 1]._replace(headers=headers)
    (finding,) = found(published)
    assert finding.violation is Violation.DIFFERS
    assert finding.detail == "ce_type, ce_id, ce_subject, ce_time of seq 1 in the outbox"


def test_a_number_that_somebody_made_up_does_not_move_the_lane() -> None:
    published = some()
    first, second, *rest = published.records
    lane = str(LANES[first.partition]).encode()
    foreign = altered(first, offset=3, headers=(("lane", lane), ("seq", b"1000000")))
    findings = found(published, [first, second, foreign, *rest])
    assert violations(findings) == {Violation.NOT_IN_DATABASE, Violation.MISSING}
    assert {f.offset for f in findings} == {foreign.offset}


def test_what_the_outbox_does_not_have_is_found() -> None:
    published = some()
    del published.outbox[12, 3]
    assert [f.violation for f in found(published)] == [Violation.NOT_IN_DATABASE]


@pytest.mark.parametrize(
    ("other", "violation"),
    [
        ({"event_id": card_event_id("c-1", 9)}, Violation.WRONG_EVENT_ID),
        ({"version": 7}, Violation.WRONG_VERSION),
        ({"card_id": "c-2"}, Violation.WRONG_KEY),
        ({"subject": "bulk_issuance"}, Violation.WRONG_KEY),
        ({"previous_fulfillment_status": "lost"}, Violation.BROKEN_CHAIN),
        ({"supersedes": card_event_id("c-1", 2)}, Violation.BROKEN_CHAIN),
        ({"supersedes": card_event_id("c-2", 1)}, Violation.BROKEN_CHAIN),
    ],
)
def test_an_event_that_was_wrong_already_when_it_was_committed_is_found(
    other: dict[str, Any], violation: Violation
) -> None:
    published = Published()
    published.say("c-1")
    published.say("c-1", **other)
    assert violation in violations(found(published))


def test_a_version_whose_predecessor_is_nowhere_or_comes_later_is_found() -> None:
    for before in (None, Before(12, 3, "ordered")):
        published = Published()
        published.say("c-1")
        published.say("c-1")
        published.outbox[12, 2] = published.outbox[12, 2]._replace(before=before)
        assert violations(found(published)) == {Violation.WRONG_VERSION}


def test_a_version_may_follow_one_of_another_topic_or_of_before_partitions_were_added() -> None:
    published = Published()
    published.say("c-1")
    published.say("c-1")
    row = published.outbox[12, 2]
    assert row.before is not None
    published.outbox[12, 2] = row._replace(before=row.before._replace(lane=7, seq=900))
    assert found(published) == []


def test_a_key_that_belongs_to_another_partition_is_found() -> None:
    published = Published()
    published.say("c-1")
    audit = Audit(Pinned(LANES, HEADERS.of, lambda _: 0), LANES)
    assert violations(found(published, audit=audit)) == {Violation.WRONG_KEY}


def test_where_the_beginning_is_not_kept_the_first_record_says_where_a_lane_goes_on() -> None:
    published = some()
    assert found(published, published.records[4:], audit=audit_of(begun=())) == []
    assert Violation.MISSING in violations(found(published, published.records[4:]))


def test_what_was_deleted_before_it_was_read_is_not_missed() -> None:
    published, audit = some(), audit_of()
    assert found(published, published.records[:2], audit=audit) != []
    audit.forget(LANES)
    assert found(published, published.records[5:], audit=audit) == []


def test_what_is_lost_is_told_once_and_what_follows_is_not_missed() -> None:
    published, audit = Published(), audit_of()
    for _ in range(3):
        published.say("c-1")
    (finding,) = found(published, published.records[:2], audit=audit)
    assert finding == Finding(Violation.LOST, 1, None, "ends with seq 2, but 3 was published")
    published.say("c-1")
    assert found(published, published.records[3:], audit=audit) == []


def test_a_log_that_was_emptied_must_have_all_of_it_once_more() -> None:
    published, audit = Published(), audit_of()
    published.say("c-1")
    assert found(published, audit=audit) == []
    audit.begin_anew([1])
    assert [f.violation for f in found(published, [], audit=audit)] == [Violation.LOST]

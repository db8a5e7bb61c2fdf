"""What a transaction ends with: changes get numbers, positions are moved, relays are told."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import asyncpg

from card_fulfillment.domain.naming import Subject, SubjectKind
from card_fulfillment.pipeline.batch import RecordClass
from card_fulfillment.pipeline.effects import Effects, NewChange
from card_fulfillment.pipeline.ports import PositionLost
from card_fulfillment.pipeline.positions import record_digest
from card_fulfillment.postgres.statement import Column, columns_of, fetch_value_on
from card_fulfillment.postgres.words import CHANGE_CHANNEL

# Numbers of lanes by (topic, partition).
Lanes = Mapping[tuple[str, int], int]

# Numbers without a gap are taken under the locks of the lanes, which the sub-select takes in order.
# The values of changes travel as one, each with its place in it: they are most of what is written.
_FINISH: Final = f"""
WITH lanes AS (
    UPDATE lane l SET last_seq = l.last_seq + u.taken
    FROM (
        SELECT lane.lane, taken FROM lane
        JOIN unnest($1::smallint[], $2::int[]) AS new (lane, taken) ON new.lane = lane.lane
        ORDER BY lane.lane FOR UPDATE OF lane
    ) AS u
    WHERE l.lane = u.lane RETURNING l.lane, l.last_seq - u.taken AS before
), numbered AS (
    SELECT array_agg(new.lane ORDER BY new.lane) AS lane,
           array_agg(lanes.before ORDER BY new.lane) AS before
    FROM unnest($1::smallint[]) AS new (lane)
    LEFT JOIN lanes ON lanes.lane = new.lane  -- without its lane a change has no number: an error
), changes AS (
    INSERT INTO change (lane, seq, card_id, bulk_issuance_id, version, key, headers, value)
    SELECT (SELECT lane FROM numbered)[place], (SELECT before FROM numbered)[place] + u.number,
           card_id, bulk_id, version, coalesce(key, card_id, bulk_id), headers,
           substr($24::bytea, begin, size)
    FROM unnest($3::smallint[], $4::int[], $5::text[], $6::text[], $7::int[], $8::text[],
                $9::text[], $10::int[], $11::int[])
         AS u (place, number, card_id, bulk_id, version, key, headers, begin, size)
), moved AS (
    UPDATE input_position p
    SET next_offset = u.next_offset, last_offset = u.last_offset,
        last_timestamp = u.last_timestamp, last_hash = u.last_hash,
        applied = p.applied + u.applied, duplicate = p.duplicate + u.duplicate,
        ignored = p.ignored + u.ignored, parked = p.parked + u.parked,
        quarantined = p.quarantined + u.quarantined
    FROM unnest($12::text[], $13::int[], $14::bigint[], $15::bigint[], $16::bigint[],
                $17::bigint[], $18::bytea[], $19::bigint[], $20::bigint[], $21::bigint[],
                $22::bigint[], $23::bigint[])
         AS u (topic, partition, expected, next_offset, last_offset, last_timestamp, last_hash,
               applied, duplicate, ignored, parked, quarantined)
    WHERE p.topic = u.topic AND p.partition = u.partition AND p.next_offset = u.expected
    RETURNING 1
)
SELECT count(*), CASE WHEN $25 <> '' THEN pg_notify('{CHANGE_CHANNEL}', $25) END FROM moved
"""  # noqa: S608 - a constant
_NO_CHANGES: Final[Sequence[Column]] = [()] * 11  # as many arrays as it takes for them
_NO_POSITIONS: Final[Sequence[Column]] = [()] * 12
_COUNTED: Final = (
    RecordClass.APPLIED,
    RecordClass.DUPLICATE,
    RecordClass.IGNORED,
    RecordClass.PARKED,
    RecordClass.QUARANTINED,
)


async def finish(connection: asyncpg.Connection, effects: Effects, lanes: Lanes) -> None:
    """Store the changes with numbers, move the positions, and tell the relays."""
    columns, values = _change_columns(effects.changes, lanes)
    topics = " ".join({change.topic for change in effects.changes})
    positions = columns_of(_position_rows(effects)) or _NO_POSITIONS
    moved = await fetch_value_on(connection, _FINISH, *columns, *positions, whole=(values, topics))
    expected = len(effects.moves)
    if moved != expected:
        raise PositionLost(f"{expected - moved} of {expected} partitions are elsewhere")


def _change_columns(changes: Sequence[NewChange], lanes: Lanes) -> tuple[Sequence[Column], bytes]:
    """How many numbers are taken of which lanes; the changes in order; all their values."""
    if not changes:
        return _NO_CHANGES, b""
    by_lane: defaultdict[int, list[NewChange]] = defaultdict(list)
    for change in changes:
        by_lane[lanes[change.topic, change.partition]].append(change)
    in_order = sorted(by_lane)
    taken = [len(by_lane[lane]) for lane in in_order]
    ordered = [change for lane in in_order for change in by_lane[lane]]
    subjects = [change.subject for change in ordered]
    outgoing = [change.outgoing for change in ordered]
    values = [each.value for each in outgoing]
    sizes = list(map(len, values))
    return (
        in_order,
        taken,
        [place for place, count in enumerate(taken, start=1) for _ in range(count)],
        [number for count in taken for number in range(1, count + 1)],
        _ids(subjects, SubjectKind.CARD),
        _ids(subjects, SubjectKind.BULK_ISSUANCE),
        [change.version for change in ordered],
        [_key_apart(each) for each in ordered],
        [each.headers for each in outgoing],
        list(accumulate(sizes[:-1], initial=1)),
        sizes,
    ), b"".join(values)


def _key_apart(change: NewChange) -> str | None:
    """Nothing where it is the id of the subject, from which Postgres takes it."""
    key = change.outgoing.key
    return None if change.subject is not None and change.subject.id == key else key


def _ids(subjects: Iterable[Subject | None], kind: SubjectKind) -> list[str | None]:
    return [each.id if each is not None and each.kind is kind else None for each in subjects]


def _position_rows(effects: Effects) -> Iterator[Sequence[Any]]:
    for partition, move in effects.moves.items():
        counts = effects.counts.get(partition, Counter())
        yield (
            *partition,
            move.expected,
            move.next_offset,
            move.last.offset,
            move.last.timestamp,
            record_digest(move.last),
            *(counts[c] for c in _COUNTED),
        )

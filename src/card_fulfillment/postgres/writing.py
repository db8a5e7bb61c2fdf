"""Writing what a batch changes, in statements on arrays: facts first, lanes and the fence last."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import asyncpg

from card_fulfillment.domain.facts import CardIdentity
from card_fulfillment.domain.naming import Subject, SubjectKind
from card_fulfillment.pipeline.batch import RecordClass
from card_fulfillment.pipeline.effects import Effects, NewChange, NewFact
from card_fulfillment.pipeline.ports import PositionLost
from card_fulfillment.pipeline.positions import record_digest
from card_fulfillment.pipeline.view import CardState, Place, Places
from card_fulfillment.postgres.bulk_writing import write_bulks
from card_fulfillment.postgres.fact_rows import dump_fact
from card_fulfillment.postgres.files import write_files
from card_fulfillment.postgres.letters_writing import write_letters
from card_fulfillment.postgres.rows import (
    dump_bindings,
    dump_identity,
    dump_journey,
    reference_text,
)
from card_fulfillment.postgres.statement import (
    Column,
    columns_of,
    execute,
    execute_together,
    fetch_value_on,
    no_rows,
    prepare,
)
from card_fulfillment.postgres.words import CHANGE_CHANNEL

# Numbers of lanes by (topic, partition).
Lanes = Mapping[tuple[str, int], int]

_INSERT_FACTS: Final = """
INSERT INTO fact (fact_id, part, card_id, bulk_issuance_id, attempt, outcome, number, side,
                  vendor, status, content, body, copies)
SELECT * FROM unnest($1::bytea[], $2::smallint[], $3::text[], $4::text[], $5::smallint[],
                     $6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[],
                     $11::bytea[], $12::json[], $13::int[]) AS u
"""
_MOVE_FACTS: Final = """
UPDATE fact f SET card_id = u.card_id, bulk_issuance_id = u.bulk_id, attempt = u.attempt,
                  outcome = u.outcome, number = u.number, side = u.side
FROM unnest($1::bytea[], $2::smallint[], $3::text[], $4::text[], $5::smallint[], $6::text[],
            $7::bigint[], $8::text[])
     AS u (fact_id, part, card_id, bulk_id, attempt, outcome, number, side)
WHERE f.fact_id = u.fact_id AND f.part = u.part
"""
_REMOVE_PLACES: Final = """
DELETE FROM fact f USING unnest($1::bytea[], $2::smallint[]) AS u (fact_id, parts)
WHERE f.fact_id = u.fact_id AND f.part >= u.parts
"""
# Each first place is looked up by itself: as long as the table is small, reading all of them would
# seem as good to Postgres.
_ADD_PLACES: Final = """
INSERT INTO fact (fact_id, part, card_id, bulk_issuance_id, attempt, outcome, vendor, status,
                  content, body, copies, recorded_at, number, side)
SELECT u.fact_id, u.part, u.card_id, u.bulk_id, u.attempt, u.outcome, f.vendor, f.status,
       f.content, f.body, f.copies, f.recorded_at, u.number, u.side
FROM unnest($1::bytea[], $2::smallint[], $3::text[], $4::text[], $5::smallint[], $6::text[],
            $7::bigint[], $8::text[])
     AS u (fact_id, part, card_id, bulk_id, attempt, outcome, number, side)
CROSS JOIN LATERAL (SELECT * FROM fact WHERE fact_id = u.fact_id AND part = 0 OFFSET 0) AS f
ON CONFLICT DO NOTHING
"""
_RETIME: Final = """
UPDATE fact f SET body = u.body FROM unnest($1::bytea[], $2::json[]) AS u (fact_id, body)
WHERE f.fact_id = u.fact_id
"""
_COUNT_COPIES: Final = """
UPDATE fact f SET copies = f.copies + u.copies
FROM unnest($1::bytea[], $2::int[]) AS u (fact_id, copies)
WHERE f.fact_id = u.fact_id
"""
# An identity never changes; it comes along only where it is new.
_WRITE_CARDS: Final = """
UPDATE card c SET bulk_issuance_id = coalesce(u.bulk_id, c.bulk_issuance_id),
                  serial_number = coalesce(u.serial, c.serial_number),
                  identity = coalesce(u.identity, c.identity),
                  status = u.status, attempt = u.attempt, version = u.version, journey = u.journey,
                  folded_number = u.folded
FROM unnest($1::text[], $2::text[], $3::int[], $4::json[], $5::text[], $6::smallint[], $7::int[],
            $8::json[], $9::bigint[])
     AS u (card_id, bulk_id, serial, identity, status, attempt, version, journey, folded)
WHERE c.card_id = u.card_id
"""
_WRITE_BINDINGS: Final = """
UPDATE vendor_reference r SET bindings = u.bindings
FROM unnest($1::text[], $2::json[]) AS u (reference, bindings)
WHERE r.reference = u.reference
"""
_WAIT: Final = """
INSERT INTO waiting (reference, fact_id) SELECT * FROM unnest($1::text[], $2::bytea[]) AS u
ON CONFLICT DO NOTHING
"""
_WAKE: Final = """
DELETE FROM waiting w USING unnest($1::text[], $2::bytea[]) AS u (reference, fact_id)
WHERE w.reference = u.reference AND w.fact_id = u.fact_id
"""
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
), changes AS (
    INSERT INTO change (lane, seq, card_id, bulk_issuance_id, version, key, headers, value)
    SELECT u.lane, lanes.before + u.number, card_id, bulk_id, version, key, headers,
           substr($24::bytea, begin, size)
    FROM unnest($3::smallint[], $4::int[], $5::text[], $6::text[], $7::int[], $8::text[],
                $9::text[], $10::int[], $11::int[])
         AS u (lane, number, card_id, bulk_id, version, key, headers, begin, size)
    LEFT JOIN lanes ON lanes.lane = u.lane  -- without its lane a change has no number: an error
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


async def write(
    connection: asyncpg.Connection, effects: Effects, lanes: Lanes, held: Mapping[str, CardState]
) -> None:
    """held: cards as they were when they were locked."""
    await execute(connection, _INSERT_FACTS, _new_fact_rows(effects.facts))
    await execute_together(
        connection,
        (_WRITE_CARDS, _card_columns(effects.cards, held)),
        (
            _WRITE_BINDINGS,
            columns_of((reference_text(r), dump_bindings(b)) for r, b in effects.bindings.items()),
        ),
        (_WAIT, columns_of((reference_text(r), f) for r, f in effects.waits)),
    )
    await _move_facts(connection, effects.places)
    await execute(connection, _RETIME, ((i, dump_fact(f)) for i, f in effects.retimed.items()))
    await execute(connection, _COUNT_COPIES, effects.copies.items())
    await write_bulks(connection, effects)
    await write_files(connection, effects)
    await execute(connection, _WAKE, ((reference_text(r), f) for r, f in effects.woken))
    await write_letters(connection, effects)
    await _finish(connection, effects, lanes)


async def rehearse(connection: asyncpg.Connection) -> None:
    """Run what ordinary batches run, on no rows."""
    together = (_WRITE_CARDS, _WRITE_BINDINGS, _WAIT)
    await prepare(connection, _INSERT_FACTS, _MOVE_FACTS, _ADD_PLACES, _REMOVE_PLACES)
    await prepare(connection, _COUNT_COPIES, _WAKE)
    await execute_together(connection, *((each, no_rows(each)) for each in together))
    await _finish(connection, Effects(), {})


_PlaceColumns = tuple[str | None, str | None, int | None, str, int | None, str | None]
_PARKED: Final[_PlaceColumns] = (None, None, None, "parked", None, None)


def _place_columns(subject: Subject, place: Place) -> _PlaceColumns:
    if subject.kind is SubjectKind.CARD:
        return (subject.id, None, place.attempt, place.outcome, None, place.side)
    return (None, subject.id, place.attempt, place.outcome, place.number, place.side)


def _places_columns(places: Places) -> list[_PlaceColumns]:
    """A row for each subject; a parked fact has one without."""
    return [_place_columns(*each) for each in places.items()] or [_PARKED]


def _new_fact_rows(facts: Iterable[NewFact]) -> Iterable[Sequence[Any]]:
    for new in facts:
        fact = new.fact
        body = dump_fact(fact)
        for part, columns in enumerate(_places_columns(new.places)):
            said = (fact.vendor, fact.status, fact.content, body)
            yield (fact.fact_id, part, *columns, *said, new.copies)


async def _move_facts(connection: asyncpg.Connection, placed: Mapping[bytes, Places]) -> None:
    rows = [
        (fact_id, part, *columns)
        for fact_id, places in placed.items()
        for part, columns in enumerate(_places_columns(places))
    ]
    await execute(connection, _MOVE_FACTS, rows)
    await execute(connection, _ADD_PLACES, [row for row in rows if row[1] > 0])
    await execute(connection, _REMOVE_PLACES, ((i, max(len(p), 1)) for i, p in placed.items()))


def _card_columns(
    cards: Mapping[str, CardState], held: Mapping[str, CardState]
) -> Sequence[Column]:
    if not cards:
        return ()
    states = cards.values()
    told = [state.journey.published for state in states]
    new = [_new_identity(state, held.get(card_id)) for card_id, state in cards.items()]
    return (
        cards,
        [each and each.bulk_issuance_id for each in new],
        [each and each.serial_number for each in new],
        [each and dump_identity(each) for each in new],
        [each and each.status for each in told],
        [each.attempt if each else 1 for each in told],
        [state.journey.version for state in states],
        [dump_journey(state.journey) for state in states],
        [state.folded for state in states],
    )


def _new_identity(state: CardState, held: CardState | None) -> CardIdentity | None:
    return state.identity if held is None or held.identity is None else None


async def _finish(connection: asyncpg.Connection, effects: Effects, lanes: Lanes) -> None:
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
        [lane for lane in in_order for _ in by_lane[lane]],
        [number for count in taken for number in range(1, count + 1)],
        _ids(subjects, SubjectKind.CARD),
        _ids(subjects, SubjectKind.BULK_ISSUANCE),
        [change.version for change in ordered],
        [each.key for each in outgoing],
        [each.headers for each in outgoing],
        list(accumulate(sizes[:-1], initial=1)),
        sizes,
    ), b"".join(values)


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

"""Writing what a batch changes, in statements on arrays: facts first, lanes and the fence last."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import asyncpg

from card_fulfillment.domain.facts import CardIdentity
from card_fulfillment.domain.naming import Subject, SubjectKind
from card_fulfillment.pipeline.effects import Effects, NewFact
from card_fulfillment.pipeline.view import CardState, Place, Places
from card_fulfillment.postgres.bulk_writing import write_bulks
from card_fulfillment.postgres.changes_writing import Lanes, finish
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
    no_rows,
    prepare,
)

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
    await finish(connection, effects, lanes)


async def rehearse(connection: asyncpg.Connection) -> None:
    """Run what ordinary batches run, on no rows."""
    together = (_WRITE_CARDS, _WRITE_BINDINGS, _WAIT)
    await prepare(connection, _INSERT_FACTS, _MOVE_FACTS, _ADD_PLACES, _REMOVE_PLACES)
    await prepare(connection, _COUNT_COPIES, _WAKE)
    await execute_together(connection, *((each, no_rows(each)) for each in together))
    await finish(connection, Effects(), {})


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

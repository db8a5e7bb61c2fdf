"""Reading what a batch needs: unlocked to find out what that is, then again under the locks."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Final

import asyncpg

from card_fulfillment.domain.bindings import Binding
from card_fulfillment.domain.facts import Fact, Reference, Subject, SubjectKind
from card_fulfillment.pipeline.view import CardState, Need, Place, StoredFact, View
from card_fulfillment.postgres.rows import (
    OUTCOMES,
    load_bindings,
    load_fact,
    load_identity,
    load_journey,
    reference_text,
)

_CARDS: Final = """
SELECT card_id, bulk_issuance_id, serial_number, identity::text, version, journey::text
FROM card WHERE card_id = ANY ($1::text[])
"""
_REFERENCES: Final = """
SELECT reference, bindings::text FROM vendor_reference WHERE reference = ANY ($1::text[])
"""
_FACT_COLUMNS: Final = """
f.fact_id, f.content, f.vendor, f.status, f.body::text,
f.card_id, f.bulk_issuance_id, f.attempt, f.outcome
"""
_WAITING: Final = f"""
SELECT {_FACT_COLUMNS} FROM fact f
WHERE f.fact_id IN (SELECT w.fact_id FROM waiting w WHERE w.reference = ANY ($1::text[]))
ORDER BY f.fact_id, f.part
"""  # noqa: S608 - a constant of this module
_HISTORIES: Final = f"""
SELECT {_FACT_COLUMNS} FROM fact f
WHERE f.fact_id IN (SELECT h.fact_id FROM fact h WHERE h.card_id = ANY ($1::text[]))
ORDER BY f.fact_id, f.part
"""  # noqa: S608 - a constant of this module
_OVERDUE: Final = """
UPDATE fact f SET alerted = true
FROM (
    SELECT fact_id, part FROM fact
    WHERE outcome = 'parked' AND NOT alerted AND recorded_at < clock_timestamp() - $1::interval
    ORDER BY recorded_at LIMIT $2 FOR UPDATE SKIP LOCKED
) AS late
WHERE f.fact_id = late.fact_id AND f.part = late.part
RETURNING f.fact_id, f.content, f.vendor, f.status, f.body::text
"""
_ANNOUNCED: Final = """
SELECT card_id FROM card WHERE card_id = ANY ($1::text[]) AND identity IS NOT NULL
"""
_CONTENTS: Final = """
SELECT fact_id, content FROM fact WHERE fact_id = ANY ($1::bytea[]) AND part = 0
"""


async def peek(connection: asyncpg.Connection, need: Need) -> View:
    return View(
        cards=await _cards(connection, need.cards),
        bindings=await _bindings(connection, need.references),
        waiting=await _waiting(connection, need.unlocks),
        histories=await _histories(connection, need.refolds),
    )


async def read(connection: asyncpg.Connection, need: Need) -> View:
    view = await peek(connection, need)
    announced = await _histories(connection, need.histories - need.refolds)
    view.histories = {**view.histories, **announced}
    if need.named:
        rows = await connection.fetch(_ANNOUNCED, list(need.named))
        view.announced = frozenset(row[0] for row in rows)
    if need.fact_ids:
        rows = await connection.fetch(_CONTENTS, list(need.fact_ids))
        view.contents = {fact_id: content for fact_id, content in rows}  # noqa: C416 - asyncpg's records are no tuples
    return view


async def overdue(connection: asyncpg.Connection, age: timedelta, most: int) -> list[Fact]:
    """Mark parked facts of that age as told of, and return them."""
    rows = await connection.fetch(_OVERDUE, age, most)
    facts = (load_fact(*row) for row in rows)
    return list({fact.fact_id: fact for fact in facts}.values())


async def _cards(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, CardState]:
    if not ids:
        return {}
    return {
        card_id: CardState(
            load_identity(card_id, bulk, serial, identity), load_journey(version, journey)
        )
        for card_id, bulk, serial, identity, version, journey in await connection.fetch(
            _CARDS, list(ids)
        )
    }


async def _bindings(
    connection: asyncpg.Connection, references: Iterable[Reference]
) -> dict[Reference, tuple[Binding, ...]]:
    keys = {reference_text(r): r for r in references}
    if not keys:
        return {}
    rows = await connection.fetch(_REFERENCES, list(keys))
    return {keys[text]: load_bindings(bindings) for text, bindings in rows}


async def _waiting(
    connection: asyncpg.Connection, references: Iterable[Reference]
) -> dict[bytes, StoredFact]:
    keys = [reference_text(r) for r in references]
    return _facts(await connection.fetch(_WAITING, keys)) if keys else {}


async def _histories(
    connection: asyncpg.Connection, card_ids: Collection[str]
) -> dict[str, list[StoredFact]]:
    if not card_ids:
        return {}
    found = _facts(await connection.fetch(_HISTORIES, list(card_ids)))
    histories: defaultdict[str, list[StoredFact]] = defaultdict(list)
    for stored in found.values():
        for subject in stored.places:
            if subject.kind is SubjectKind.CARD and subject.id in card_ids:
                histories[subject.id].append(stored)
    return histories


def _facts(rows: Iterable[asyncpg.Record]) -> dict[bytes, StoredFact]:
    """Rows of a fact follow each other, a row for each of its subjects."""
    found: dict[bytes, StoredFact] = {}
    places: dict[Subject, Place] = {}
    for fact_id, content, vendor, status, body, card_id, bulk_id, attempt, outcome in rows:
        if fact_id not in found:
            places = {}
            found[fact_id] = StoredFact(load_fact(fact_id, content, vendor, status, body), places)
        if card_id is not None:
            places[Subject(SubjectKind.CARD, card_id)] = Place(attempt, OUTCOMES[outcome])
        elif bulk_id is not None:
            places[Subject(SubjectKind.BULK_ISSUANCE, bulk_id)] = Place(attempt, OUTCOMES[outcome])
    return found

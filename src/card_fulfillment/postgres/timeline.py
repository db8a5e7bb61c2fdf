"""Reading all that is stored of one card. Every statement goes by an index."""

from collections.abc import Iterable, Sequence
from typing import Final

import asyncpg
import orjson

from card_fulfillment.domain.claims import entry
from card_fulfillment.domain.facts import CardIdentity
from card_fulfillment.domain.members import Numbered, Sayings, scope_of
from card_fulfillment.domain.naming import Reference, Subject, card, own_reference
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.timeline import Bound, OpenLetter, Remembered, Timeline
from card_fulfillment.postgres.fact_rows import load_fact
from card_fulfillment.postgres.reading import load_bulks
from card_fulfillment.postgres.rows import (
    load_bindings,
    load_identity,
    load_journey,
    reference_of,
    reference_text,
)
from card_fulfillment.postgres.words import OUTCOMES, ROLES

REMEMBERED: Final = """
fact_id, content, vendor, status, body::text, attempt, outcome, copies, recorded_at, number,
side
"""
_CARD: Final = """
SELECT bulk_issuance_id, serial_number, identity::text, version, journey::text, folded_number
FROM card WHERE card_id = $1
"""
_CHANGES: Final = "SELECT value FROM change WHERE card_id = $1 ORDER BY version"
_HISTORY: Final = f"SELECT {REMEMBERED} FROM fact WHERE card_id = $1"  # noqa: S608 - a constant
_OF_BULK: Final = f"""
SELECT {REMEMBERED} FROM fact
WHERE bulk_issuance_id = $1 AND (
    body -> 'serials' IS NULL
    OR $2::int BETWEEN (body #>> '{{serials,0}}')::int AND (body #>> '{{serials,1}}')::int
)
"""  # noqa: S608 - a constant
_REFERENCES: Final = """
SELECT reference, bindings::text FROM vendor_reference WHERE reference = ANY ($1::text[])
ORDER BY reference
"""
_WAITING: Final = f"""
SELECT DISTINCT ON (fact_id) {REMEMBERED} FROM fact
WHERE fact_id IN (SELECT fact_id FROM waiting WHERE reference = ANY ($1::text[]))
ORDER BY fact_id, part
"""  # noqa: S608 - a constant
_DEAD_LETTERS: Final = """
SELECT dead_letter_id::text, reason, field_path, message, topic, partition, "offset",
       record_timestamp
FROM dead_letter WHERE key = ANY ($1::bytea[]) AND state = 'open'
ORDER BY record_timestamp, topic, partition, "offset"
"""


async def load_timeline(connection: asyncpg.Connection, card_id: str) -> Timeline | None:
    """All of one moment; none where nobody ever spoke of the card."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        row = await connection.fetchrow(_CARD, card_id)
        history = in_time(await connection.fetch(_HISTORY, card_id))
        if row is None or not (history or row["identity"]):
            return None
        bulk, serial, stored, version, journey, folded = row
        identity = load_identity(card_id, bulk, serial, stored)
        through_bulk = await _through_bulk(connection, identity) if identity else []
        bound = await names_of(connection, card(card_id), [*history, *through_bulk])
        return Timeline(
            card_id=card_id,
            identity=identity,
            journey=load_journey(version, journey),
            changes=[orjson.loads(r[0]) for r in await connection.fetch(_CHANGES, card_id)],
            history=history,
            through_bulk=through_bulk,
            folded=folded,
            bound=bound,
            dead_letters=await open_letters(
                connection, {card_id, *(each.reference.value for each in bound)}
            ),
        )


def in_time(rows: Iterable[asyncpg.Record]) -> list[Remembered]:
    """Rows of REMEMBERED, in the order of the times that the facts state."""
    return sorted(map(_remembered, rows), key=lambda each: (each.fact.effective, each.recorded_at))


def _remembered(row: asyncpg.Record) -> Remembered:
    *stored, attempt, outcome, copies, recorded_at, number, side = row
    fact = load_fact(*stored)
    return Remembered(fact, attempt, OUTCOMES[outcome], copies, recorded_at, number, ROLES[side])


async def _through_bulk(
    connection: asyncpg.Connection, identity: CardIdentity
) -> Sequence[Remembered]:
    bulk_id, serial = identity.bulk_issuance_id, identity.serial_number
    if bulk_id is None:
        return []
    found = in_time(await connection.fetch(_OF_BULK, bulk_id, serial))
    bulks = await load_bulks(connection, [bulk_id])
    facts = [Numbered(entry(f.fact, f.attempt or 1, scope_of(f.fact)), 0) for f in found]
    concerning = Sayings(facts, bulks[bulk_id].said.parcels).all_of(serial)
    ids = {each.fact.fact_id for each in concerning}
    return [each for each in found if each.fact.fact_id in ids]


async def names_of(
    connection: asyncpg.Connection, subject: Subject, history: Iterable[Remembered]
) -> list[Bound]:
    named = await bearers(connection, _mentioned(subject, history))
    return [each for each in named if each.binding.subject == subject]


async def bearers(connection: asyncpg.Connection, names: Iterable[Reference]) -> list[Bound]:
    """All that any of these names ever meant."""
    keys = [reference_text(reference) for reference in names]
    return [
        Bound(reference_of(text), binding)
        for text, bindings in await connection.fetch(_REFERENCES, keys)
        for binding in load_bindings(bindings)
    ]


async def waiting(connection: asyncpg.Connection, names: Iterable[Reference]) -> list[Remembered]:
    """The facts found by any of these names that came before anybody was called so."""
    keys = [reference_text(reference) for reference in names]
    return in_time(await connection.fetch(_WAITING, keys))


def _mentioned(subject: Subject, history: Iterable[Remembered]) -> set[Reference]:
    """References by which facts found the subject, or that they name, and its own id."""
    mentioned: set[Reference] = set()
    for fact, *_ in history:
        mentioned.update(fact.references, (name for _, name in fact.names))
        if fact.vendor is not None:
            mentioned.add(own_reference(fact.vendor, subject.id))
    return mentioned


async def open_letters(connection: asyncpg.Connection, keys: Iterable[str]) -> list[OpenLetter]:
    """Of records with these keys."""
    rows = await connection.fetch(_DEAD_LETTERS, [key.encode() for key in keys])
    return [OpenLetter(row[0], RefusalReason(row[1]), *row[2:]) for row in map(tuple, rows)]

"""Reading all that is stored of one card. Every statement goes by an index."""

from collections.abc import Iterable, Sequence
from typing import Final

import asyncpg
import orjson

from card_fulfillment.domain.facts import Reference, card, own_reference
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.timeline import Bound, Quarantined, Remembered, Timeline
from card_fulfillment.postgres.rows import (
    OUTCOMES,
    load_bindings,
    load_fact,
    load_identity,
    load_journey,
    reference_of,
    reference_text,
)

_CARD: Final = """
SELECT card_id, bulk_issuance_id, serial_number, identity::text, version, journey::text
FROM card WHERE card_id = $1
"""
_CHANGES: Final = "SELECT value FROM change WHERE card_id = $1 ORDER BY version"
_HISTORY: Final = """
SELECT fact_id, content, vendor, status, body::text, attempt, outcome, copies, recorded_at
FROM fact WHERE card_id = $1
"""
_REFERENCES: Final = """
SELECT reference, bindings::text FROM vendor_reference WHERE reference = ANY ($1::text[])
ORDER BY reference
"""
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
        if row is None:
            return None
        _, bulk, serial, identity, version, journey = row
        history = await _history(connection, card_id)
        bound = await _bound(connection, card_id, history)
        return Timeline(
            card_id=card_id,
            identity=load_identity(card_id, bulk, serial, identity),
            journey=load_journey(version, journey),
            changes=[orjson.loads(r[0]) for r in await connection.fetch(_CHANGES, card_id)],
            history=history,
            bound=bound,
            dead_letters=await _dead_letters(
                connection, {card_id, *(each.reference.value for each in bound)}
            ),
        )


async def _history(connection: asyncpg.Connection, card_id: str) -> list[Remembered]:
    found = [
        Remembered(load_fact(*stored), attempt, OUTCOMES[outcome], copies, recorded_at)
        for *stored, attempt, outcome, copies, recorded_at in await connection.fetch(
            _HISTORY, card_id
        )
    ]
    return sorted(found, key=lambda each: (each.fact.effective, each.recorded_at))


async def _bound(
    connection: asyncpg.Connection, card_id: str, history: Sequence[Remembered]
) -> list[Bound]:
    keys = [reference_text(reference) for reference in _mentioned(card_id, history)]
    return [
        Bound(reference_of(text), binding)
        for text, bindings in await connection.fetch(_REFERENCES, keys)
        for binding in load_bindings(bindings)
        if binding.subject == card(card_id)
    ]


def _mentioned(card_id: str, history: Iterable[Remembered]) -> set[Reference]:
    """References by which its facts found the card, or that they name, and its own id."""
    mentioned: set[Reference] = set()
    for fact, *_ in history:
        mentioned.update(fact.references, (name for _, name in fact.names))
        if fact.vendor is not None:
            mentioned.add(own_reference(fact.vendor, card_id))
    return mentioned


async def _dead_letters(connection: asyncpg.Connection, keys: Iterable[str]) -> list[Quarantined]:
    rows = await connection.fetch(_DEAD_LETTERS, [key.encode() for key in keys])
    return [Quarantined(row[0], RefusalReason(row[1]), *row[2:]) for row in map(tuple, rows)]

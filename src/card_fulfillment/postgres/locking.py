"""Locks, in one order everywhere: bulk issuances, cards, references, files, lanes; each by key.

What is to be locked is created first where it is missing. A locked row is read as the one before us
in the queue left it; of all else these statements would miss what that one committed, so it is read
after them.
"""

from collections.abc import Collection
from typing import Final

import asyncpg

from card_fulfillment.domain.naming import is_issuers_name
from card_fulfillment.pipeline.view import Need, View
from card_fulfillment.postgres.card_rows import CARD_COLUMNS, load_card
from card_fulfillment.postgres.files import lock_files
from card_fulfillment.postgres.rows import load_bindings, reference_text
from card_fulfillment.postgres.statement import execute_on, execute_together, fetch, prepare

_CREATE_BULKS: Final = """
INSERT INTO bulk_issuance (bulk_issuance_id) SELECT * FROM unnest($1::text[]) AS u
ON CONFLICT DO NOTHING
"""
_LOCK_BULKS: Final = """
SELECT FROM bulk_issuance WHERE bulk_issuance_id = ANY ($1::text[])
ORDER BY bulk_issuance_id FOR UPDATE
"""
_CREATE_CARDS: Final = """
INSERT INTO card (card_id) SELECT * FROM unnest($1::text[]) AS u ON CONFLICT DO NOTHING
"""
_CREATE_REFERENCES: Final = """
INSERT INTO vendor_reference (reference) SELECT * FROM unnest($1::text[]) AS u
ON CONFLICT DO NOTHING
"""
_LOCK_CARDS: Final = f"""
SELECT {CARD_COLUMNS} FROM card WHERE card_id = ANY ($1::text[]) ORDER BY card_id FOR UPDATE
"""  # noqa: S608 - a constant
_LOCK_REFERENCES: Final = """
SELECT reference, bindings::text FROM vendor_reference WHERE reference = ANY ($1::text[])
ORDER BY reference FOR UPDATE
"""


async def lock(connection: asyncpg.Connection, need: Need, known: Collection[str] = ()) -> View:
    """The cards and references that are locked now, as they stay until this transaction ends.

    known: cards that were there; where one is not, in a database that was set back, all are made.
    """
    bulks = sorted(need.bulks)
    unknown = sorted(need.cards.difference(known))
    keys = {reference_text(r): r for r in need.locked_references}
    references = sorted(keys)
    # By code point, which is the order of the bytes in UTF-8.
    if bulks:
        await execute_on(connection, _CREATE_BULKS, bulks)
        await execute_on(connection, _LOCK_BULKS, bulks)
    await execute_together(
        connection,
        (_CREATE_CARDS, [unknown] if unknown else ()),
        (_CREATE_REFERENCES, [references] if references else ()),
    )
    held = View()
    if need.cards:
        held.cards = dict(map(load_card, await fetch(connection, _LOCK_CARDS, need.cards)))
        if known and len(held.cards) < len(need.cards):
            return await lock(connection, need)
    if references:
        rows = await fetch(connection, _LOCK_REFERENCES, references)
        found = {keys[text]: load_bindings(bindings) for text, bindings in rows}
        held.bindings = {r: bound for r, bound in found.items() if not is_issuers_name(r)}
    await lock_files(connection, need.files)
    return held


async def rehearse(connection: asyncpg.Connection) -> None:
    """Run what ordinary batches run, on no rows."""
    await execute_together(connection, (_CREATE_CARDS, [()]), (_CREATE_REFERENCES, [()]))
    await prepare(connection, _LOCK_CARDS, _LOCK_REFERENCES)

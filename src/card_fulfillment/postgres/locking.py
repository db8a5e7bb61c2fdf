"""Locks, in one order everywhere: bulk issuances, cards, references, files, lanes; each by key.

These statements only lock, or create what is to be locked: under READ COMMITTED a read in the same
statement would miss what the one before us in the queue committed.
"""

import asyncpg

from card_fulfillment.pipeline.view import Need
from card_fulfillment.postgres.files import lock_files
from card_fulfillment.postgres.rows import reference_text
from card_fulfillment.postgres.statement import execute_on

_CREATE_BULKS = """
INSERT INTO bulk_issuance (bulk_issuance_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING
"""
_LOCK_BULKS = """
SELECT FROM bulk_issuance WHERE bulk_issuance_id = ANY ($1::text[])
ORDER BY bulk_issuance_id FOR UPDATE
"""
_CREATE_CARDS = """
INSERT INTO card (card_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING
"""
_LOCK_CARDS = """
SELECT FROM card WHERE card_id = ANY ($1::text[]) ORDER BY card_id FOR UPDATE
"""
_CREATE_REFERENCES = """
INSERT INTO vendor_reference (reference) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING
"""
_LOCK_REFERENCES = """
SELECT FROM vendor_reference WHERE reference = ANY ($1::text[]) ORDER BY reference FOR UPDATE
"""


async def lock(connection: asyncpg.Connection, need: Need) -> None:
    references = {reference_text(r) for r in need.locked_references}
    for keys, create, select in (
        (need.bulks, _CREATE_BULKS, _LOCK_BULKS),
        (need.cards, _CREATE_CARDS, _LOCK_CARDS),
        (references, _CREATE_REFERENCES, _LOCK_REFERENCES),
    ):
        if keys:
            in_order = sorted(keys)  # by code point, which is the order of the bytes in UTF-8
            await execute_on(connection, create, in_order)
            await execute_on(connection, select, in_order)
    await lock_files(connection, need.files)

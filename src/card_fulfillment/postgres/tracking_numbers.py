"""Whose tracking number it is: no index knows, so every row is looked at, page by page."""

from typing import Final

import asyncpg
import orjson

from card_fulfillment.domain.naming import Subject, bulk_issuance, card

_AT_A_TIME: Final = 20_000

_BULKS: Final = """
SELECT bulk_issuance_id FROM bulk_issuance WHERE position($1 IN journey::text) > 0
UNION SELECT bulk_issuance_id FROM parcel WHERE position($1 IN journey::text) > 0 ORDER BY 1
"""
_CARD_PAGE: Final = """
WITH page AS MATERIALIZED (
    SELECT card_id, bulk_issuance_id, journey FROM card WHERE card_id > $1
    ORDER BY card_id LIMIT $2
)
SELECT (SELECT max(card_id) FROM page), array(
    SELECT card_id FROM page WHERE position($3 IN journey::text) > 0
        AND (bulk_issuance_id IS NULL OR bulk_issuance_id <> ALL ($4::text[]))
    ORDER BY card_id
)
"""


async def shipped_under(connection: asyncpg.Connection, number: str) -> list[Subject]:
    """Whatever has the number on one of its parcels; of a bulk issuance not each member too."""
    written = orjson.dumps(number).decode()
    bulks = [row[0] for row in await connection.fetch(_BULKS, written)]
    found = list(map(bulk_issuance, bulks))
    after: str | None = ""
    while after is not None:
        ((after, cards),) = await connection.fetch(_CARD_PAGE, after, _AT_A_TIME, written, bulks)
        found += map(card, cards)
    return found

"""The last event of each card and bulk issuance that is in one of some statuses.

Page by page along the keys, each page a statement of its own: nothing is held open while somebody
reads, however many cards there are, and no index is kept for it.
"""

from collections.abc import AsyncIterator, Collection
from typing import Final

import asyncpg
import orjson

from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.laggards import Event

_AT_A_TIME: Final = 5000

_CARD_PAGE: Final = """
WITH page AS MATERIALIZED (
    SELECT card_id, status, version, bulk_issuance_id FROM card WHERE card_id > $1
    ORDER BY card_id LIMIT $2
)
SELECT (SELECT max(card_id) FROM page), array(
    SELECT change.value FROM page JOIN change USING (card_id, version)
    WHERE page.status = ANY($3::text[]) AND (page.bulk_issuance_id IS NULL OR $4)
    ORDER BY page.card_id
)
"""
_BULK_PAGE: Final = """
WITH page AS MATERIALIZED (
    SELECT bulk_issuance_id, status, version FROM bulk_issuance WHERE bulk_issuance_id > $1
    ORDER BY bulk_issuance_id LIMIT $2
)
SELECT (SELECT max(bulk_issuance_id) FROM page), array(
    SELECT change.value FROM page JOIN change USING (bulk_issuance_id, version)
    WHERE page.status = ANY($3::text[])
    ORDER BY page.bulk_issuance_id
)
"""


async def last_events(
    connection: asyncpg.Connection, statuses: Collection[Status], *, members: bool
) -> AsyncIterator[Event]:
    """Of bulk issuances first, then of cards. members: of cards of bulk issuances too."""
    async for event in _pages(connection, _BULK_PAGE, list(statuses)):
        yield event
    async for event in _pages(connection, _CARD_PAGE, list(statuses), members):
        yield event


async def _pages(connection: asyncpg.Connection, page: str, *given: object) -> AsyncIterator[Event]:
    after: str | None = ""
    while after is not None:
        ((after, events),) = await connection.fetch(page, after, _AT_A_TIME, *given)
        for event in events:
            yield orjson.loads(event)

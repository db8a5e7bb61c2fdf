"""What was told of the cards and bulk issuances in some statuses, and of bulks that are not final.

Page by page along the keys, each page a statement of its own: nothing is held open while somebody
reads, however many cards there are, and no index is kept for it.
"""

from collections.abc import AsyncIterator, Collection
from itertools import groupby
from typing import Final, NamedTuple

import asyncpg
import orjson

from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.allowances import Event, Ordered, Told
from card_fulfillment.pipeline.laggards import id_of

_AT_A_TIME: Final = 2000

# The first event is `created`: how long that lasts is up to no vendor.
_CARD_PAGE: Final = """
WITH page AS MATERIALIZED (
    SELECT card_id, status, version, bulk_issuance_id FROM card WHERE card_id > $1
    ORDER BY card_id LIMIT $2
)
SELECT (SELECT max(card_id) FROM page), array(
    SELECT change.value FROM page JOIN change ON change.card_id = page.card_id
        AND change.version >= CASE WHEN page.status = ANY($4::text[]) THEN 2 ELSE page.version END
    WHERE page.status = ANY($3::text[]) AND (page.bulk_issuance_id IS NULL OR $5)
    ORDER BY page.card_id, change.version
), '{}'::text[]
"""
# A bulk issuance has many events, and in most of them its status stays as it was. Its order may
# have none: of all that one transaction brings, one event tells. Where all its announced cards have
# arrived, more is expected as long as others are not announced or are on their way back.
_BULK_PAGE: Final = """
WITH page AS MATERIALIZED (
    SELECT bulk_issuance_id, status, attempt, version FROM bulk_issuance
    WHERE bulk_issuance_id > $1
    ORDER BY bulk_issuance_id LIMIT $2
), wanted AS MATERIALIZED (
    SELECT *, status = ANY($4::text[]) AS whole FROM page
    WHERE status = ANY($3::text[]) OR $5 AND EXISTS (
        SELECT FROM change WHERE change.bulk_issuance_id = page.bulk_issuance_id
            AND change.version = page.version AND position('"final":false' IN change.value) > 0
    )
)
SELECT (SELECT max(bulk_issuance_id) FROM page), array(
    SELECT change.value FROM wanted JOIN change USING (bulk_issuance_id)
    WHERE change.version >= CASE WHEN whole THEN 2 ELSE wanted.version END
        AND (change.version = wanted.version OR position('"change":"update"' IN change.value) = 0)
    ORDER BY bulk_issuance_id, change.version
), array(
    SELECT jsonb_build_array(bulk_issuance_id, ordered.vendor, ordered.method)::text
    FROM wanted CROSS JOIN LATERAL (
        SELECT vendor, body #>> '{attributes,method}' AS method FROM fact
        WHERE fact.bulk_issuance_id = wanted.bulk_issuance_id
            AND fact.status = 'ordered' AND fact.attempt = wanted.attempt
        ORDER BY fact.number LIMIT 1
    ) AS ordered WHERE whole
)
"""


class Wanted(NamedTuple):
    """statuses: of what is looked for. whole: those of which the earlier events matter as well.

    members: whether cards of bulk issuances are wanted by themselves.
    unfinished: bulk issuances that are not final are wanted, whatever their status.
    """

    statuses: Collection[Status]
    whole: Collection[Status] = ()
    members: bool = False
    unfinished: bool = False


async def last_events(connection: asyncpg.Connection, wanted: Wanted) -> AsyncIterator[Told]:
    """Of bulk issuances first, then of cards."""
    statuses, whole = list(wanted.statuses), list(wanted.whole)
    async for told in _pages(connection, _BULK_PAGE, statuses, whole, wanted.unfinished):
        yield told
    async for told in _pages(connection, _CARD_PAGE, statuses, whole, wanted.members):
        yield told


async def _pages(connection: asyncpg.Connection, page: str, *given: object) -> AsyncIterator[Told]:
    after: str | None = ""
    while after is not None:
        ((after, values, stored),) = await connection.fetch(page, after, _AT_A_TIME, *given)
        orders = {of: Ordered(*order) for of, *order in map(orjson.loads, stored)}
        events: map[Event] = map(orjson.loads, values)
        for subject, told in groupby(events, id_of):
            *earlier, last = told
            yield Told(last, earlier, orders.get(subject))

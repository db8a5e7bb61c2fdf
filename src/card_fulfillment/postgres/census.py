"""Counting what waits in the database: for publication, for its subject, for a person."""

from typing import Final

import asyncpg

from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.pipeline.backlog import BulkBacklog, Census, OutputBacklog
from card_fulfillment.postgres.apart import apart
from card_fulfillment.postgres.connection import Connect
from card_fulfillment.postgres.schema import SchemaMismatch, check_schema

# The next change of a lane is one look at an index.
_OUTPUTS: Final = """
SELECT lane.topic, sum(lane.published_seq)::bigint,
       sum(lane.last_seq - lane.published_seq)::bigint,
       coalesce(extract(epoch FROM clock_timestamp() - min(change.recorded_at)), 0)::float8
FROM lane
LEFT JOIN change ON change.lane = lane.lane AND change.seq = lane.published_seq + 1
GROUP BY lane.topic
"""
_LETTERS: Final = "SELECT reason, count(*) FROM dead_letter WHERE state = 'open' GROUP BY reason"
_PARKED: Final = "SELECT count(*) FROM fact WHERE outcome = 'parked' AND NOT alerted"
# A row's xmin is the transaction that wrote it last.
_BULKS: Final = """
SELECT bulk_issuance_id, spread_number < last_number, xmin::text FROM bulk_issuance
WHERE dirty OR spread_number < last_number ORDER BY bulk_issuance_id LIMIT $1
"""
_MOST_BULKS: Final = 5000


async def take_census(connection: asyncpg.Connection) -> Census:
    """Every statement goes by an index; raises what asyncpg raises."""
    outputs = await connection.fetch(_OUTPUTS)
    letters = {str(reason): int(count) for reason, count in await connection.fetch(_LETTERS)}
    return Census(
        outputs=[OutputBacklog(t, p, w, max(0.0, age)) for t, p, w, age in outputs],
        letters=letters,
        parked=await connection.fetchval(_PARKED),
        past_deadline=letters.get(RefusalReason.PARKING_DEADLINE, 0),
        bulks=[BulkBacklog(*row) for row in await connection.fetch(_BULKS, _MOST_BULKS)],
    )


async def census_apart(connect: Connect) -> Census | str:
    """On a connection of its own: nothing is left open when the database goes away.

    A sentence where the schema is no more one to work on. Raises StoreUnavailable.
    """
    try:
        async with apart(connect) as connection:
            await check_schema(connection)
            return await take_census(connection)
    except SchemaMismatch as error:
        return str(error)

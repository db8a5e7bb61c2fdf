"""Writing what a batch changes of bulk issuances and their parcels."""

from typing import Final

import asyncpg

from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.postgres.bulk_rows import bulk_row, parcel_row
from card_fulfillment.postgres.rows import reference_text
from card_fulfillment.postgres.statement import execute

_WRITE_BULKS: Final = """
UPDATE bulk_issuance b
SET total = u.total, announced = u.announced, status = u.status, attempt = u.attempt,
    version = u.version, last_number = u.last, reset_number = u.reset, spread_number = u.spread,
    dirty = u.dirty, counts = u.counts, journey = u.journey
FROM unnest($1::text[], $2::int[], $3::int[], $4::text[], $5::int[], $6::int[], $7::bigint[],
            $8::bigint[], $9::bigint[], $10::bool[], $11::json[], $12::json[])
     AS u (bulk_id, total, announced, status, attempt, version, last, reset, spread, dirty, counts,
           journey)
WHERE b.bulk_issuance_id = u.bulk_id
"""
_WRITE_PARCELS: Final = """
INSERT INTO parcel (bulk_issuance_id, reference, lines, journey)
SELECT * FROM unnest($1::text[], $2::text[], $3::json[], $4::json[]) AS u
ON CONFLICT (bulk_issuance_id, reference)
DO UPDATE SET lines = excluded.lines, journey = excluded.journey
"""
_REMOVE_PARCELS: Final = """
DELETE FROM parcel p USING unnest($1::text[], $2::text[]) AS u (bulk_id, reference)
WHERE p.bulk_issuance_id = u.bulk_id AND p.reference = u.reference
"""


async def write_bulks(connection: asyncpg.Connection, effects: Effects) -> None:
    await execute(connection, _WRITE_BULKS, (bulk_row(*b) for b in effects.bulks.items()))
    parcels = effects.parcels.items()
    await execute(connection, _WRITE_PARCELS, [parcel_row(*where, p) for where, p in parcels if p])
    await execute(
        connection,
        _REMOVE_PARCELS,
        [(bulk_id, reference_text(r)) for (bulk_id, r), p in parcels if p is None],
    )

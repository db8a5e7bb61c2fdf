"""Reading what is stored of one bulk issuance, as far as a person can take it in."""

from collections.abc import Sequence
from typing import Final

import asyncpg
import orjson

from card_fulfillment.domain.bulk import EXCEPTIONS, Bulk, Member
from card_fulfillment.domain.naming import bulk_issuance
from card_fulfillment.domain.status import Status
from card_fulfillment.messages.bulk_event_models import BulkIssuanceStatusChanged
from card_fulfillment.pipeline.timeline import Astray, BulkTimeline, Remembered, Shown
from card_fulfillment.postgres.file_accounts import files_of
from card_fulfillment.postgres.reading import load_bulks
from card_fulfillment.postgres.timeline import REMEMBERED, in_time, names_of, open_letters

_CHANGES: Final = """
SELECT value FROM change WHERE bulk_issuance_id = $1 ORDER BY version DESC LIMIT $2
"""
_HISTORY: Final = f"""
SELECT {REMEMBERED} FROM fact WHERE bulk_issuance_id = $1 ORDER BY number DESC, fact_id LIMIT $2
"""  # noqa: S608 - a constant
_FACTS: Final = "SELECT count(*) FROM fact WHERE bulk_issuance_id = $1"
# The members are read through the index of their bulk.
_ASTRAY: Final = """
SELECT card_id, serial_number, status, attempt
FROM (
    SELECT card_id, serial_number, status, attempt,
           row_number() OVER (PARTITION BY status, attempt ORDER BY serial_number, card_id) AS place
    FROM card
    WHERE bulk_issuance_id = $1 AND (status = ANY ($2::text[]) OR attempt > $3)
) AS members
WHERE place <= $4 ORDER BY status, attempt, place
"""


async def load_bulk_timeline(
    connection: asyncpg.Connection, bulk_id: str, most: int, few: int
) -> BulkTimeline | None:
    """All of one moment; none where nobody ever spoke of the bulk.

    most: changes, facts and files, the newest ones. few: members of each status that went astray.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        bulk = (await load_bulks(connection, [bulk_id])).get(bulk_id)
        history = await _history(connection, bulk_id, most)
        if bulk is None or not (history.newest or bulk.common):
            return None
        bound = await names_of(connection, bulk_issuance(bulk_id), history.newest)
        return BulkTimeline(
            bulk_id=bulk_id,
            bulk=bulk,
            changes=await _changes(connection, bulk_id, bulk.version, most),
            history=history,
            astray=await _astray(connection, bulk_id, bulk, few),
            bound=bound,
            files=await files_of(connection, {each.reference for each in bound}, most),
            dead_letters=await open_letters(
                connection,
                {
                    bulk_id,
                    *(each.reference.value for each in bound),
                    *(reference.value for reference in bulk.said.parcels),
                },
            ),
        )


async def _changes(
    connection: asyncpg.Connection, bulk_id: str, version: int, most: int
) -> Shown[BulkIssuanceStatusChanged]:
    rows = await connection.fetch(_CHANGES, bulk_id, most)
    return Shown([orjson.loads(row[0]) for row in reversed(rows)], version - len(rows))


async def _history(connection: asyncpg.Connection, bulk_id: str, most: int) -> Shown[Remembered]:
    rows = await connection.fetch(_HISTORY, bulk_id, most)
    newest = sorted(in_time(rows), key=lambda each: each.number or 0)
    more = await connection.fetchval(_FACTS, bulk_id) - len(rows) if len(rows) == most else 0
    return Shown(newest, more)


async def _astray(
    connection: asyncpg.Connection, bulk_id: str, bulk: Bulk, few: int
) -> Sequence[Astray]:
    rows = await connection.fetch(_ASTRAY, bulk_id, list(EXCEPTIONS), bulk.said.attempt, few)
    return [Astray(i, serial, Member(Status(status), at)) for i, serial, status, at in rows]

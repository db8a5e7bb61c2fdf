"""Counting bulk issuances anew, each at one moment: it is right while workers run."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg
import orjson

from card_fulfillment.domain.bulk import Bulk, Member
from card_fulfillment.domain.claims import entry
from card_fulfillment.domain.members import Numbered, scope_of
from card_fulfillment.domain.status import Status
from card_fulfillment.pipeline.differences import Columns, StoredBulk, differences
from card_fulfillment.pipeline.recount import Counted, Recount
from card_fulfillment.postgres.fact_rows import load_fact
from card_fulfillment.postgres.reading import load_bulks
from card_fulfillment.postgres.rows import identity_of
from card_fulfillment.postgres.words import ROLES

# Cards and facts of a bulk whose row is lost are found, too.
_NEXT: Final = """
SELECT min(bulk_id) FROM (
    SELECT min(bulk_issuance_id) AS bulk_id FROM bulk_issuance WHERE bulk_issuance_id > $1
    UNION ALL SELECT min(bulk_issuance_id) FROM card WHERE bulk_issuance_id > $1
    UNION ALL SELECT min(bulk_issuance_id) FROM fact WHERE bulk_issuance_id > $1
) AS each
"""
_COLUMNS: Final = """
SELECT total, announced, status, attempt FROM bulk_issuance WHERE bulk_issuance_id = $1
"""
_FACTS: Final = """
SELECT fact_id, content, vendor, status, body::text, attempt, side, number FROM fact
WHERE bulk_issuance_id = $1
"""
_VERSIONS: Final = "SELECT count(*) FROM change WHERE bulk_issuance_id = $1"
_LAST: Final = """
SELECT value FROM change WHERE bulk_issuance_id = $1 ORDER BY version DESC LIMIT 1
"""
_MEMBERS: Final = """
SELECT card_id, serial_number, identity::text, folded_number,
       journey #>> '{published,1}', (journey #>> '{published,0}')::int,
       status IS NOT DISTINCT FROM journey #>> '{published,1}'
           AND attempt = coalesce((journey #>> '{published,0}')::int, 1)
FROM card WHERE bulk_issuance_id = $1 AND identity IS NOT NULL ORDER BY serial_number
"""
_AT_A_TIME: Final = 2000


@dataclass(frozen=True, slots=True)
class Checked:
    """waits: whether something of it is still to be spread or published. wrong: in sentences."""

    bulk_id: str
    members: int
    waits: bool
    wrong: Sequence[str]


async def all_bulks(connection: asyncpg.Connection) -> AsyncIterator[str]:
    """The ids of all bulks that there are while it looks."""
    bulk_id = await connection.fetchval(_NEXT, "")
    while bulk_id is not None:
        yield bulk_id
        bulk_id = await connection.fetchval(_NEXT, bulk_id)


async def check_bulk(connection: asyncpg.Connection, bulk_id: str) -> Checked | None:
    """None where nobody ever spoke of it."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        stored = await _stored(connection, bulk_id)
        bulk = stored.bulk
        recount = Recount(bulk, await _facts(connection, bulk_id))
        async for row in connection.cursor(_MEMBERS, bulk_id, prefetch=_AT_A_TIME):
            recount.take(_counted(bulk_id, row))
    if stored.columns is None and not (recount.members or recount.numbers):
        return None
    waits = bulk.dirty or bulk.lags
    return Checked(bulk_id, recount.members, waits, list(differences(stored, recount)))


async def _stored(connection: asyncpg.Connection, bulk_id: str) -> StoredBulk:
    columns = await connection.fetchrow(_COLUMNS, bulk_id)
    last = await connection.fetchval(_LAST, bulk_id)
    return StoredBulk(
        bulk=(await load_bulks(connection, [bulk_id])).get(bulk_id, Bulk()),
        columns=None if columns is None else Columns(*columns),
        versions=await connection.fetchval(_VERSIONS, bulk_id),
        last=None if last is None else orjson.loads(last),
    )


async def _facts(connection: asyncpg.Connection, bulk_id: str) -> list[Numbered]:
    found = []
    for *stored, attempt, side, number in await connection.fetch(_FACTS, bulk_id):
        fact = load_fact(*stored)
        found.append(Numbered(entry(fact, attempt, scope_of(fact), ROLES[side]), number))
    return found


def _counted(bulk_id: str, row: asyncpg.Record) -> Counted:
    card_id, serial, stored, folded, status, attempt, agrees = row
    member = None if status is None else Member(Status(status), attempt)
    return Counted(identity_of(card_id, bulk_id, serial, stored), member, agrees, folded)

"""Finding bulk issuances with something to spread, and the members that lag behind."""

from collections.abc import Sequence
from typing import Final

from card_fulfillment.domain.bulk import Bulk
from card_fulfillment.pipeline.fan_out import Lagging, LaggingMember
from card_fulfillment.pipeline.view import Need, StoredFact
from card_fulfillment.postgres.reading import load_sayings
from card_fulfillment.postgres.store import PostgresTransaction

_LAGS: Final = "spread_number < last_number"
_IS_DIRTY: Final = "dirty"
_FREE: Final = """
SELECT bulk_issuance_id FROM bulk_issuance WHERE {at_work} AND bulk_issuance_id > $1
ORDER BY bulk_issuance_id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_ANY: Final = """
SELECT bulk_issuance_id FROM bulk_issuance WHERE {at_work} ORDER BY bulk_issuance_id LIMIT 1
"""
_LOCK: Final = "SELECT FROM bulk_issuance WHERE bulk_issuance_id = $1 FOR UPDATE"
_STILL: Final = "SELECT 1 FROM bulk_issuance WHERE bulk_issuance_id = $1 AND {at_work}"
# Whoever writes to a member holds its bulk's lock, as we do: these need no lock of their own.
_ANY_MEMBER: Final = """
(SELECT card_id, serial_number FROM card
 WHERE bulk_issuance_id = $1 AND folded_number < $2 AND serial_number >= $3
 ORDER BY serial_number LIMIT $4)
UNION ALL
(SELECT card_id, serial_number FROM card
 WHERE bulk_issuance_id = $1 AND folded_number < $2 AND serial_number IS NULL LIMIT $4)
LIMIT $4
"""
# Range after range, and no further than is needed: an order over all would read all first.
_MEMBERS_IN: Final = """
SELECT member.card_id, member.serial_number
FROM unnest($4::int[], $5::int[]) AS reach (first, last)
CROSS JOIN LATERAL (
    SELECT card_id, serial_number FROM card
    WHERE bulk_issuance_id = $1 AND folded_number < $2
      AND serial_number BETWEEN greatest(reach.first, $3) AND reach.last
    ORDER BY serial_number LIMIT $6
) AS member
LIMIT $6
"""


class SpreadingTransaction(PostgresTransaction):
    async def claim_lagging(self, after: str) -> str | None:
        return await self._claim(_LAGS, after)

    async def claim_dirty(self, after: str) -> str | None:
        return await self._claim(_IS_DIRTY, after)

    async def _claim(self, at_work: str, after: str) -> str | None:
        """One that is free, the next one after `after` first; else wait for one that is not."""
        for start in {after: None, "": None}:
            free: str | None = await self._connection.fetchval(_FREE.format(at_work=at_work), start)
            if free is not None:
                return free
        busy: str | None = await self._connection.fetchval(_ANY.format(at_work=at_work))
        if busy is None:
            return None
        await self._connection.execute(_LOCK, busy)
        still = await self._connection.fetchval(_STILL.format(at_work=at_work), busy)
        return busy if still else None

    async def unspread(self, bulk_id: str, bulk: Bulk) -> Sequence[StoredFact]:
        return await load_sayings(self._connection, bulk_id, bulk, bulk.spread_number, Need())

    async def lagging(self, which: Lagging, most: int) -> Sequence[LaggingMember]:
        bulk_id, number, reach, from_serial = which
        if reach is None:
            rows = await self._connection.fetch(_ANY_MEMBER, bulk_id, number, from_serial, most)
        else:
            first, last = [r[0] for r in reach], [r[1] for r in reach]
            rows = await self._connection.fetch(
                _MEMBERS_IN, bulk_id, number, from_serial, first, last, most
            )
        return [LaggingMember(*row) for row in rows]

"""The outbox as the auditor reads it: changes with what came before them. It writes nothing."""

from collections.abc import Collection, Mapping
from typing import Final

import asyncpg

from card_fulfillment.pipeline.audit import Before, LedgerRow, event_of

_ROWS: Final = """
SELECT change.seq, change.key, change.headers, sha256(change.value), change.version,
       before.lane, before.seq, before.value
FROM change
LEFT JOIN LATERAL (
    SELECT earlier.lane, earlier.seq, earlier.value FROM change AS earlier
    WHERE earlier.card_id = change.card_id AND earlier.version = change.version - 1
    UNION ALL
    SELECT earlier.lane, earlier.seq, earlier.value FROM change AS earlier
    WHERE earlier.bulk_issuance_id = change.bulk_issuance_id
      AND earlier.version = change.version - 1
) AS before ON true
WHERE change.lane = $1 AND change.seq = ANY($2::bigint[])
"""


class PostgresLedger:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def rows(self, lane: int, seqs: Collection[int]) -> Mapping[int, LedgerRow]:
        found = await self._connection.fetch(_ROWS, lane, list(seqs))
        return {
            seq: LedgerRow(seq, key, headers, sha256, version, _before(*before))
            for seq, key, headers, sha256, version, *before in found
        }


def _before(lane: int | None, seq: int, value: bytes) -> Before | None:
    """Read here: Postgres gives nothing at all where one value is no JSON."""
    return None if lane is None else Before(lane, seq, event_of(value).get("fulfillment_status"))

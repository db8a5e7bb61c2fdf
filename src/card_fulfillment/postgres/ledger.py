"""The outbox as the auditor reads it: changes with what came before them. It writes nothing."""

from collections.abc import Collection, Mapping
from typing import Final

import asyncpg

from card_fulfillment.pipeline.audit import Before, LedgerRow

_ROWS: Final = """
SELECT change.seq, change.key, change.headers, sha256(change.value), change.version,
       before.lane, before.seq, convert_from(before.value, 'UTF8')::json ->> 'fulfillment_status'
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
        return {
            seq: LedgerRow(
                seq, key, headers, sha256, version, None if of is None else Before(of, at, status)
            )
            for seq, key, headers, sha256, version, of, at, status in await self._connection.fetch(
                _ROWS, lane, list(seqs)
            )
        }

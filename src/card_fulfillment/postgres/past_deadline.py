"""Parked facts past their deadline, of which nobody was told yet."""

from datetime import timedelta
from typing import Final

from card_fulfillment.domain.facts import Fact
from card_fulfillment.postgres.fact_rows import load_fact
from card_fulfillment.postgres.store import PostgresTransaction

_MARK: Final = """
UPDATE fact f SET alerted = true
FROM (
    SELECT fact_id, part FROM fact
    WHERE outcome = 'parked' AND NOT alerted AND recorded_at < clock_timestamp() - $1::interval
    ORDER BY recorded_at LIMIT $2 FOR UPDATE SKIP LOCKED
) AS late
WHERE f.fact_id = late.fact_id AND f.part = late.part
RETURNING f.fact_id, f.content, f.vendor, f.status, f.body::text
"""


class SweepingTransaction(PostgresTransaction):
    async def past_deadline(self, age: timedelta, most: int) -> list[Fact]:
        """Mark parked facts of that age as told of, and return them."""
        rows = await self._connection.fetch(_MARK, age, most)
        facts = (load_fact(*row) for row in rows)
        return list({fact.fact_id: fact for fact in facts}.values())

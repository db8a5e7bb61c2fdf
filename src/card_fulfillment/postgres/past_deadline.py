"""Parked facts past their deadline, of which nobody was told yet."""

from datetime import timedelta
from typing import Final

from card_fulfillment.domain.facts import Fact
from card_fulfillment.pipeline.alerts import deadline_alerts
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
# Of a fact that is about several cards each has a row, which can be late in its own time.
_TOLD: Final = """
SELECT dead_letter_id::text FROM dead_letter
WHERE dead_letter_id = ANY ($1::uuid[]) AND state = 'open'
"""


class SweepingTransaction(PostgresTransaction):
    async def past_deadline(self, age: timedelta, most: int) -> list[Fact]:
        """Mark parked facts of that age as told of, and return those of which nobody was told."""
        while rows := await self._connection.fetch(_MARK, age, most):
            facts = {fact.fact_id: fact for fact in (load_fact(*row) for row in rows)}.values()
            letters = [letter.dead_letter_id for letter in deadline_alerts(facts)]
            told = {row[0] for row in await self._connection.fetch(_TOLD, letters)}
            if news := [f for f, i in zip(facts, letters, strict=True) if i not in told]:
                return news
        return []

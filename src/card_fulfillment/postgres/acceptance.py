"""Going on from what Kafka has, after a person looked at the alarm: rare, and never automatic."""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from card_fulfillment.pipeline.acceptance import LaneStep
from card_fulfillment.pipeline.batch import Partition

_GAPS: Final = """
SELECT before + 1, seq - 1 FROM (
    SELECT seq, lag(seq, 1, $2::bigint) OVER (ORDER BY seq) AS before FROM (
        SELECT seq FROM change WHERE lane = $1 AND seq > $2 AND seq <= $3
        UNION ALL SELECT $3::bigint + 1
    ) AS there
) AS pairs WHERE seq > before + 1 ORDER BY 1
"""
_HELD: Final = """
SELECT holder FROM relay_lease WHERE name = $1 AND expires_at > clock_timestamp()
"""
_LOCK: Final = """
SELECT lane, last_seq, published_seq FROM lane WHERE topic = $1 ORDER BY lane FOR UPDATE
"""
# By way of numbers above all that are used before and after: none meets another meanwhile.
_MOVE_AWAY: Final = "UPDATE change SET seq = seq + $3 WHERE lane = $1 AND seq > $2"
_MOVE_BACK: Final = "UPDATE change SET seq = seq - $3 WHERE lane = $1 AND seq > $2"
_SET_LANE: Final = "UPDATE lane SET last_seq = $2, published_seq = $3 WHERE lane = $1"
_SET_POSITION: Final = """
UPDATE input_position
SET next_offset = $4, last_offset = NULL, last_timestamp = NULL, last_hash = NULL,
    taken_from = NULL, in_hand = NULL
WHERE topic = $1 AND partition = $2 AND next_offset = $3
"""


class Interfered(Exception):
    """A worker runs, or did since it was looked: nothing was changed."""


async def gaps(
    connection: asyncpg.Connection, lane: int, after: int, last: int
) -> list[tuple[int, int]]:
    """First and last number of each gap that the outbox has in (after, last]."""
    return [tuple(row) for row in await connection.fetch(_GAPS, lane, after, last)]


async def accept_output(
    connection: asyncpg.Connection, topic: str, steps: Sequence[LaneStep]
) -> None:
    """All of it in one transaction. Raises Interfered."""
    async with connection.transaction():
        locked = {lane: tuple(seqs) for lane, *seqs in await connection.fetch(_LOCK, topic)}
        if holder := await connection.fetchval(_HELD, topic):
            raise Interfered(f"{holder} publishes {topic}: stop all workers first")
        for step in steps:
            if locked[step.lane] != (step.last_seq, step.published_seq):
                raise Interfered(f"{topic} was published to meanwhile: stop all workers first")
            if step.moved_by:
                away = step.last_seq + step.moved_by
                await connection.execute(_MOVE_AWAY, step.lane, step.published_seq, away)
                await connection.execute(_MOVE_BACK, step.lane, away, step.last_seq)
            await connection.execute(_SET_LANE, step.lane, step.new_last, step.new_published)


async def accept_input(
    connection: asyncpg.Connection, positions: Mapping[Partition, tuple[int, int]]
) -> None:
    """Old and new offset of each partition; counters stay. Raises Interfered.

    Of what workers died is forgotten: another record may have its offset now.
    """
    async with connection.transaction():
        for (topic, partition), (old, new) in positions.items():
            done = await connection.execute(_SET_POSITION, topic, partition, old, new)
            if done != "UPDATE 1":
                raise Interfered(f"{topic}[{partition}] was taken from meanwhile: stop all workers")

"""Stored positions of input partitions."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.ports import StoreUnavailable
from card_fulfillment.pipeline.positions import LastRecord, Position, Taken
from card_fulfillment.postgres.apart import fetch_apart
from card_fulfillment.postgres.connection import Connect, disconnect, passing

_LOAD: Final = """
SELECT p.topic, p.partition, p.next_offset, p.last_offset, p.last_timestamp, p.last_hash
FROM input_position p
JOIN unnest($1::text[], $2::int[]) AS u (topic, partition)
  ON p.topic = u.topic AND p.partition = u.partition
"""
# What somebody's transaction is about to move is not waited for: whoever has frozen in it may be
# the one that is succeeded.
_TAKE: Final = """
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::int[]) AS u (topic, partition)
), free AS (
    SELECT topic, partition FROM input_position p JOIN wanted USING (topic, partition)
    FOR NO KEY UPDATE OF p SKIP LOCKED
), noted AS (
    UPDATE input_position p
    SET takers = CASE WHEN p.taken_from IS DISTINCT FROM p.next_offset THEN 1
                      WHEN p.taken_by = $3 THEN p.takers
                      ELSE least(p.takers + 1, 1000) END,
        taken_from = p.next_offset, taken_by = $3
    FROM free WHERE p.topic = free.topic AND p.partition = free.partition
    RETURNING p.*
)
SELECT topic, partition, next_offset, last_offset, last_timestamp, last_hash, takers, in_hand
FROM (
    SELECT * FROM noted
    UNION ALL
    SELECT p.* FROM input_position p JOIN wanted USING (topic, partition)
    WHERE NOT EXISTS (
        SELECT FROM noted WHERE noted.topic = p.topic AND noted.partition = p.partition
    )
) AS taken
"""
# A record that was begun with others has -1: the next one that begins it alone is the first.
_HOLD: Final = """
UPDATE input_position p
SET held = CASE WHEN NOT $6 THEN -1
                WHEN p.in_hand = u.last THEN least(p.held + $5::smallint, 1000)
                ELSE 0 END,
    in_hand = u.last
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS u (topic, partition, last)
WHERE p.topic = u.topic AND p.partition = u.partition AND p.taken_by = $4
RETURNING p.held
"""
# Before all offsets: nothing is in hand, but it is in doubt.
_LET_GO: Final = """
UPDATE input_position SET in_hand = -1 WHERE taken_by = $1 AND in_hand IS NOT NULL
"""
_TRUST: Final = """
UPDATE input_position SET in_hand = NULL WHERE taken_by = $1 AND in_hand IS NOT NULL
"""
_BEGIN: Final = """
INSERT INTO input_position (topic, partition, next_offset)
SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[]) ON CONFLICT DO NOTHING
"""


class PostgresPositions:
    """Connects for each call: partitions are assigned while a transaction is under way.

    But what is held one after the other is held on one connection, until it is let go.
    """

    def __init__(self, connect: Connect, taker: str = "") -> None:
        """taker: this process's name, and no other's."""
        self._connect, self._taker = connect, taker
        self._connection: asyncpg.Connection | None = None
        # Partitions are given away, and what is in hand is let go, while something is being noted.
        self._one_at_a_time = asyncio.Lock()
        # What this process began alone: it counts once, however often it comes back to it.
        self._alone: dict[Partition, int] = {}

    async def load(self, partitions: Collection[Partition]) -> dict[Partition, Position]:
        rows = await fetch_apart(self._connect, _LOAD, *_columns(partitions))
        return {Partition(*row[:2]): _position(*row[2:]) for row in rows}

    async def begin(self, offsets: Mapping[Partition, int]) -> None:
        if offsets:
            await fetch_apart(self._connect, _BEGIN, *_columns(offsets), list(offsets.values()))

    async def take(self, partitions: Collection[Partition]) -> dict[Partition, Taken]:
        async with self._one_at_a_time:
            await self.hang_up()
        rows = await fetch_apart(self._connect, _TAKE, *_columns(partitions), self._taker)
        return {Partition(*row[:2]): Taken(_position(*row[2:6]), *row[6:]) for row in rows}

    async def hold(self, last: Mapping[Partition, int], *, alone: bool) -> int | None:
        is_new = alone and not last.items() <= self._alone.items()
        if alone:
            self._alone |= last
        values = list(last.values()), self._taker, int(is_new), alone
        async with self._kept() as connection:
            rows = await connection.fetch(_HOLD, *_columns(last), *values)
        return max((row[0] for row in rows), default=0) if len(rows) == len(last) else None

    async def let_go(self) -> None:
        await self._end(_LET_GO)

    async def trust(self) -> None:
        await self._end(_TRUST)

    async def _end(self, statement: str) -> None:
        async with self._kept() as connection:
            self._alone = {}
            await connection.execute(statement, self._taker)
            await self.hang_up()

    @asynccontextmanager
    async def _kept(self) -> AsyncIterator[asyncpg.Connection]:
        """Raises StoreUnavailable where another try may succeed."""
        async with self._one_at_a_time:
            try:
                self._connection = self._connection or await self._connect()
                yield self._connection
            except Exception as error:
                await self.hang_up()
                if why := passing(error):
                    raise StoreUnavailable(why) from error
                raise

    async def hang_up(self) -> None:
        """Close the connection that is kept, if there is one; what is held stays so."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await disconnect(connection)


def _position(
    next_offset: int, offset: int | None, timestamp: int | None, digest: bytes | None
) -> Position:
    if offset is None or timestamp is None or digest is None:
        return Position(next_offset, None)
    return Position(next_offset, LastRecord(offset, timestamp, digest))


def _columns(partitions: Collection[Partition]) -> list[list[Any]]:
    return [[p.topic for p in partitions], [p.partition for p in partitions]]

"""Stored positions of input partitions."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.positions import LastRecord, Position
from card_fulfillment.postgres.apart import fetch_apart
from card_fulfillment.postgres.connection import Connect

_LOAD: Final = """
SELECT p.topic, p.partition, p.next_offset, p.last_offset, p.last_timestamp, p.last_hash
FROM input_position p
JOIN unnest($1::text[], $2::int[]) AS u (topic, partition)
  ON p.topic = u.topic AND p.partition = u.partition
"""
_BEGIN: Final = """
INSERT INTO input_position (topic, partition, next_offset)
SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[]) ON CONFLICT DO NOTHING
"""


class PostgresPositions:
    """Connects for each call: partitions are assigned while a transaction is under way."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def load(self, partitions: Collection[Partition]) -> dict[Partition, Position]:
        rows = await fetch_apart(self._connect, _LOAD, *_columns(partitions))
        return {
            Partition(topic, partition): Position(
                next_offset,
                None if offset is None else LastRecord(offset, timestamp, digest),
            )
            for topic, partition, next_offset, offset, timestamp, digest in rows
        }

    async def begin(self, offsets: Mapping[Partition, int]) -> None:
        if offsets:
            await fetch_apart(self._connect, _BEGIN, *_columns(offsets), list(offsets.values()))


def _columns(partitions: Collection[Partition]) -> list[list[Any]]:
    return [[p.topic for p in partitions], [p.partition for p in partitions]]

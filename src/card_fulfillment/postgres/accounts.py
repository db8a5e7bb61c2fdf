"""The books: what became of all records, and how far the lanes are."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import asyncpg

from card_fulfillment.pipeline.batch import Partition, RecordClass

_CLASSES: Final = tuple(RecordClass)
_RECORDS: Final = f"""
SELECT topic, {", ".join(f"sum({name.value})::bigint" for name in _CLASSES)}
FROM input_position GROUP BY topic
"""  # noqa: S608 - names of our own
_BULKS: Final = "SELECT count(*) FROM bulk_issuance WHERE dirty OR spread_number < last_number"
_LANES: Final = "SELECT topic, partition, last_seq FROM lane"


async def record_classes(
    connection: asyncpg.Connection,
) -> Mapping[str, Counter[RecordClass]]:
    """How many records of each input topic were taken, by what became of them."""
    rows = map(tuple, await connection.fetch(_RECORDS))
    return {topic: Counter(dict(zip(_CLASSES, counts, strict=True))) for topic, *counts in rows}


async def lane_ends(connection: asyncpg.Connection) -> Mapping[Partition, int]:
    """The last sequence number of each output partition, published or not yet."""
    rows = await connection.fetch(_LANES)
    return {Partition(topic, partition): seq for topic, partition, seq in rows}


async def bulks_at_work(connection: asyncpg.Connection) -> int:
    """How many bulk issuances have something left to spread or to publish."""
    found: int = await connection.fetchval(_BULKS)
    return found

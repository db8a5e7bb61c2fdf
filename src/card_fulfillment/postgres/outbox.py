"""The outbox as the relay reads it: lanes, their next changes, the lease and what was published."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import Final

import asyncpg

from card_fulfillment.pipeline.output_check import partitions_changed
from card_fulfillment.pipeline.relay_ports import (
    LaneRow,
    LaneRows,
    Outbox,
    Page,
    PageLimits,
    Row,
    Unavailable,
)
from card_fulfillment.postgres.connection import connect, disconnect, is_transient
from card_fulfillment.postgres.words import CHANGE_CHANNEL
from card_fulfillment.settings import PostgresSettings

_LEASE: Final = timedelta(seconds=3)
_LEASE_ANSWER_SECONDS: Final = 3.0
_RELEASE_ANSWER_SECONDS: Final = 0.5

_LANES: Final = "SELECT lane, partition, last_seq, published_seq FROM lane WHERE topic = $1"

_NEW_LANES: Final = """
INSERT INTO lane (topic, partition) SELECT $1, generate_series(0, $2::integer - 1)
"""

# One transaction at a time pins lanes, so that two counts never mix.
_PINNING: Final = "SELECT pg_advisory_xact_lock(hashtextextended('lane', 0))"

# Sequences have no gap, so what a lane has left is known without counting it.
_NEXT: Final = """
WITH behind AS (
    SELECT lane.lane, lane.partition, after.seq, lane.last_seq - after.seq AS rows,
           count(*) OVER () AS lanes
    FROM unnest($1::smallint[], $2::bigint[]) AS after (lane, seq)
    JOIN lane ON lane.lane = after.lane
    WHERE lane.last_seq > after.seq
)
SELECT behind.lane, behind.partition, behind.rows, share.seq, share.key, share.headers, share.value
FROM behind CROSS JOIN LATERAL (
    SELECT change.seq, change.key, change.headers, change.value,
           sum(octet_length(change.value)) OVER (ORDER BY change.seq) AS bytes
    FROM change
    WHERE change.lane = behind.lane AND change.seq > behind.seq
      AND change.seq <= behind.seq + greatest($3 / behind.lanes, 1)
    ORDER BY change.seq
) AS share
WHERE share.bytes <= $4 / behind.lanes OR share.seq = behind.seq + 1
"""

_VALUES: Final = """
SELECT change.lane, change.value FROM change
JOIN unnest($1::smallint[], $2::bigint[]) AS wanted (lane, seq)
  ON change.lane = wanted.lane AND change.seq = wanted.seq
"""

_ADVANCE: Final = """
WITH free AS (
    SELECT lane.lane, new.seq
    FROM unnest($1::smallint[], $2::bigint[]) AS new (lane, seq)
    JOIN lane ON lane.lane = new.lane
    ORDER BY lane.lane FOR NO KEY UPDATE OF lane SKIP LOCKED
)
UPDATE lane SET published_seq = greatest(lane.published_seq, free.seq)
FROM free WHERE lane.lane = free.lane RETURNING lane.lane
"""

# A lease that ends later than any can was given before the clock was set back.
_TAKE: Final = """
INSERT INTO relay_lease AS lease (name, holder, expires_at)
VALUES ($1, $2, clock_timestamp() + $3::interval)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
WHERE lease.expires_at <= clock_timestamp() OR lease.holder = excluded.holder
   OR lease.expires_at > clock_timestamp() + 2 * $3::interval
RETURNING true
"""

_RELEASE: Final = """
UPDATE relay_lease SET expires_at = clock_timestamp() WHERE name = $1 AND holder = $2
"""


async def all_lanes(connection: asyncpg.Connection) -> dict[tuple[str, int], int]:
    """Every lane, by topic and partition."""
    rows = await connection.fetch("SELECT topic, partition, lane FROM lane")
    return {(topic, partition): lane for topic, partition, lane in rows}


class PartitionsChanged(Exception):
    """A topic has other partitions than those that its lanes were made for."""


async def pin_lanes(connection: asyncpg.Connection, topic: str, partitions: int) -> dict[int, int]:
    """Lane by partition; the first call for a topic makes its lanes, for ever.

    Raises PartitionsChanged where they were made for another number of partitions.
    """
    rows = await _pin(connection, topic, partitions)
    if sorted(row.partition for row in rows) != list(range(partitions)):
        raise PartitionsChanged(partitions_changed(f"topic {topic}", partitions, len(rows)))
    return {row.partition: row.lane for row in rows}


async def _pin(connection: asyncpg.Connection, topic: str, partitions: int) -> list[LaneRow]:
    if found := await lanes_of(connection, topic):
        return found
    async with connection.transaction():
        await connection.execute(_PINNING)
        if not await lanes_of(connection, topic):
            await connection.execute(_NEW_LANES, topic, partitions)
    return await lanes_of(connection, topic)


async def values_of(connection: asyncpg.Connection, seqs: Mapping[int, int]) -> Mapping[int, bytes]:
    """The value of one change of each lane, where it is there. seqs: by lane."""
    rows = await connection.fetch(_VALUES, list(seqs), list(seqs.values()))
    return {row["lane"]: row["value"] for row in rows}


async def lanes_of(connection: asyncpg.Connection, topic: str) -> list[LaneRow]:
    return [LaneRow(*row) for row in await connection.fetch(_LANES, topic)]


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if is_transient(error):
            raise Unavailable(f"Postgres: {type(error).__name__}: {error}") from error
        raise


class PostgresOutbox:
    """One topic's outbox on two connections: one reads, the other keeps the books."""

    def __init__(
        self, reading: asyncpg.Connection, books: asyncpg.Connection, *, topic: str, holder: str
    ) -> None:
        self._reading = reading
        self._books = books
        self._topic = topic
        self._holder = holder

    async def take_lease(self) -> bool:
        with _as_unavailable():
            taken = await self._books.fetchval(
                _TAKE, self._topic, self._holder, _LEASE, timeout=_LEASE_ANSWER_SECONDS
            )
        return taken is not None

    async def release_lease(self) -> None:
        with suppress(Exception):
            await self._books.execute(
                _RELEASE, self._topic, self._holder, timeout=_RELEASE_ANSWER_SECONDS
            )

    async def lanes(self) -> Sequence[LaneRow]:
        with _as_unavailable():
            return await lanes_of(self._reading, self._topic)

    async def pin(self, partitions: int) -> Sequence[LaneRow]:
        with _as_unavailable():
            return await _pin(self._reading, self._topic, partitions)

    async def values(self, seqs: Mapping[int, int]) -> Mapping[int, bytes]:
        with _as_unavailable():
            return await values_of(self._reading, seqs)

    async def read(self, after: Mapping[int, int], limits: PageLimits) -> Page:
        with _as_unavailable():
            rows = await self._reading.fetch(
                _NEXT, list(after), list(after.values()), limits.rows, limits.value_bytes
            )
        return _page(rows)

    async def advance(self, published: Mapping[int, int]) -> frozenset[int]:
        with _as_unavailable():
            lanes = await self._books.fetch(_ADVANCE, list(published), list(published.values()))
        return frozenset(row[0] for row in lanes)


def _page(records: Sequence[asyncpg.Record]) -> Page:
    lanes: defaultdict[tuple[int, int, int], list[Row]] = defaultdict(list)
    for lane, partition, behind, seq, key, headers, value in records:
        lanes[lane, partition, behind].append(Row(seq, key, headers, value))
    return Page(
        lanes=[LaneRows(lane, partition, rows) for (lane, partition, _), rows in lanes.items()],
        full=any(len(rows) < behind for (_, _, behind), rows in lanes.items()),
    )


def outbox_of(
    settings: PostgresSettings, *, topic: str, holder: str
) -> Callable[[Callable[[], None]], AbstractAsyncContextManager[Outbox]]:
    """How a relay opens the outbox of its topic. `holder` names this process among all workers."""

    @asynccontextmanager
    async def opened(wake: Callable[[], None]) -> AsyncIterator[Outbox]:
        name = f"card-fulfillment relay {topic}"
        with _as_unavailable():
            reading = await connect(settings, application_name=name)
        try:
            with _as_unavailable():
                books = await connect(settings, application_name=f"{name} books", durable=False)
            try:
                with _as_unavailable():
                    await _listen(reading, topic, wake)
                yield PostgresOutbox(reading, books, topic=topic, holder=holder)
            finally:
                await disconnect(books)
        finally:
            await disconnect(reading)

    return opened


async def _listen(connection: asyncpg.Connection, topic: str, wake: Callable[[], None]) -> None:
    def heard(_connection: object, _pid: int, _channel: str, topics: object) -> None:
        if not topics or topic in str(topics).split():
            wake()

    await connection.add_listener(CHANGE_CHANNEL, heard)
    connection.add_termination_listener(lambda *_: wake())

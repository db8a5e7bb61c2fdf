"""What a doctor looks at in the database; it changes nothing."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import asyncpg

from card_fulfillment.pipeline.backlog import Census
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.relay_ports import LaneRow
from card_fulfillment.postgres.census import take_census

_RIGHTS: Final = {
    "alembic_version": "SELECT",
    "schema_floor": "SELECT",
    "bulk_issuance": "SELECT INSERT UPDATE",
    "card": "SELECT INSERT UPDATE",
    "vendor_reference": "SELECT INSERT UPDATE",
    "parcel": "SELECT INSERT UPDATE DELETE",
    "fact": "SELECT INSERT UPDATE DELETE",
    "waiting": "SELECT INSERT DELETE",
    "vendor_file": "SELECT INSERT UPDATE",
    "vendor_file_line": "SELECT INSERT",
    "lane": "SELECT INSERT UPDATE",
    "change": "SELECT INSERT",
    "input_position": "SELECT INSERT UPDATE",
    "dead_letter": "SELECT INSERT UPDATE",
    "relay_lease": "SELECT INSERT UPDATE",
}
_LACKING: Final = """
SELECT lower(kind) || ' on ' || name FROM unnest($1::text[], $2::text[]) AS wanted (name, kind)
WHERE NOT CASE WHEN to_regclass(name) IS NULL THEN true ELSE has_table_privilege(name, kind) END
ORDER BY 1
"""
_SERVER: Final = """
SELECT current_setting('server_version_num')::int, current_setting('server_version'),
       current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on',
       current_setting('synchronous_commit') <> 'off',
       (SELECT count(*) FROM pg_stat_activity)::float8
         / current_setting('max_connections')::int
"""
_CLOCK: Final = "SELECT extract(epoch FROM clock_timestamp())::float8"
_LEASES: Final = """
SELECT name, holder, extract(epoch FROM expires_at - clock_timestamp())::float8 FROM relay_lease
ORDER BY name
"""
_LANES: Final = "SELECT topic, lane, partition, last_seq, published_seq FROM lane ORDER BY 1, 3"
_LACKING_CHANGES: Final = """
SELECT lane.topic, lane.lane, lane.last_seq - lane.published_seq - there.changes
FROM lane CROSS JOIN LATERAL (
    SELECT count(*) AS changes FROM change
    WHERE change.lane = lane.lane AND change.seq > lane.published_seq
) AS there
WHERE there.changes < lane.last_seq - lane.published_seq ORDER BY 1, 2
"""
_POSITIONS: Final = "SELECT topic, partition, next_offset FROM input_position ORDER BY 1, 2"
_OLD_TRANSACTIONS: Final = """
SELECT pid, coalesce(nullif(application_name, ''), 'somebody'), state,
       extract(epoch FROM clock_timestamp() - xact_start)::float8
FROM pg_stat_activity
WHERE datname = current_database() AND xact_start < clock_timestamp() - interval '30 s'
  AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_BLOCKING: Final = """
SELECT DISTINCT blocker.pid, coalesce(nullif(blocker.application_name, ''), 'somebody')
FROM pg_stat_activity waiting
CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS held (pid)
JOIN pg_stat_activity blocker ON blocker.pid = held.pid
WHERE waiting.datname = current_database()
  AND waiting.state_change < clock_timestamp() - interval '2 s'
"""


class Server(NamedTuple):
    """version: like 180001. durable: whether a crash loses nothing by the server's own settings."""

    version: int
    name: str
    durable: bool
    commits_wait: bool
    connections_used: float


class Lease(NamedTuple):
    """seconds: that it is valid for still; none where it ran out."""

    topic: str
    holder: str
    seconds: float


class OldTransaction(NamedTuple):
    pid: int
    whose: str
    state: str
    seconds: float


class Inventory(NamedTuple):
    """What our own tables hold: counts, who publishes, and how far input and output are."""

    census: Census
    leases: Sequence[Lease]
    lanes: Sequence[tuple[str, LaneRow]]
    positions: dict[Partition, int]


async def examine_server(connection: asyncpg.Connection) -> Server:
    (row,) = await connection.fetch(_SERVER)
    return Server(*row)


async def server_clock(connection: asyncpg.Connection) -> float:
    """Seconds since the Unix epoch."""
    return float(await connection.fetchval(_CLOCK))


async def lacking_rights(connection: asyncpg.Connection) -> list[str]:
    """What this user may not do and the worker must, like `update on card`."""
    wanted = [(table, kind) for table, kinds in _RIGHTS.items() for kind in kinds.split()]
    tables, kinds = [table for table, _ in wanted], [kind for _, kind in wanted]
    rows = await connection.fetch(_LACKING, tables, kinds)
    return [row[0] for row in rows]


async def take_inventory(connection: asyncpg.Connection) -> Inventory:
    return Inventory(
        await take_census(connection),
        [Lease(*row) for row in await connection.fetch(_LEASES)],
        [(topic, LaneRow(*row)) for topic, *row in await connection.fetch(_LANES)],
        {Partition(t, p): offset for t, p, offset in await connection.fetch(_POSITIONS)},
    )


async def lacking_changes(connection: asyncpg.Connection) -> list[tuple[str, int, int]]:
    """Topic, lane and how many of its changes that are not published are not in the outbox."""
    return [tuple(row) for row in await connection.fetch(_LACKING_CHANGES)]


async def old_transactions(connection: asyncpg.Connection) -> list[OldTransaction]:
    """Open for half a minute or more; others' are seen only by those who may."""
    return [OldTransaction(*row) for row in await connection.fetch(_OLD_TRANSACTIONS)]


async def blocking(connection: asyncpg.Connection) -> list[tuple[int, str]]:
    """Sessions that others have waited for, for seconds: process id and whose."""
    return [(pid, whose) for pid, whose in await connection.fetch(_BLOCKING)]

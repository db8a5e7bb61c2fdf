"""Nothing is accepted on what has changed since a person looked at it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from card_fulfillment.pipeline.acceptance import LaneStep
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.postgres.acceptance import Interfered, accept_input, accept_output
from card_fulfillment.postgres.outbox import pin_lanes

_OTHERS = Partition("input", 0), Partition("input", 1)


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(dsn)
    await opened.execute("INSERT INTO input_position VALUES ('input', 0, 5), ('input', 1, 7)")
    yield opened
    await opened.close()


async def positions(connection: asyncpg.Connection) -> list[int]:
    rows = await connection.fetch("SELECT next_offset FROM input_position ORDER BY partition")
    return [row[0] for row in rows]


async def test_positions_go_back_together_and_forget_the_last_record(
    connection: asyncpg.Connection,
) -> None:
    await connection.execute("UPDATE input_position SET last_offset = 4, applied = 5")
    one, other = _OTHERS
    await accept_input(connection, {one: (5, 0), other: (7, 2)})
    assert await positions(connection) == [0, 2]
    kept = await connection.fetch("SELECT DISTINCT last_offset, applied FROM input_position")
    assert [tuple(row) for row in kept] == [(None, 5)]


async def test_positions_stay_where_one_of_them_moved_meanwhile(
    connection: asyncpg.Connection,
) -> None:
    one, other = _OTHERS
    with pytest.raises(Interfered, match=r"input\[1\] was taken from meanwhile"):
        await accept_input(connection, {one: (5, 0), other: (6, 0)})
    assert await positions(connection) == [5, 7]


async def test_lanes_stay_where_somebody_published_meanwhile(
    connection: asyncpg.Connection,
) -> None:
    lanes = await pin_lanes(connection, "out", 1)
    await connection.execute("UPDATE lane SET last_seq = 9, published_seq = 5")
    step = LaneStep(
        lanes[0], 0, last_seq=9, published_seq=4, new_last=9, new_published=2, moved_by=0
    )
    with pytest.raises(Interfered, match="was published to meanwhile"):
        await accept_output(connection, "out", [step])
    counters = await connection.fetchrow("SELECT last_seq, published_seq FROM lane")
    assert tuple(counters or ()) == (9, 5)

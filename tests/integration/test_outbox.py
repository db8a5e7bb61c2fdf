import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest
from pydantic import SecretStr

from card_fulfillment.pipeline.relay_ports import Outbox, PageLimits, Unavailable
from card_fulfillment.postgres.outbox import PartitionsChanged, outbox_of, pin_lanes
from card_fulfillment.postgres.words import CHANGE_CHANNEL
from card_fulfillment.settings import PostgresSettings

LIMITS = PageLimits()


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(dsn)
    yield opened
    await opened.close()


@pytest.fixture
async def outbox(dsn: str) -> AsyncIterator[Outbox]:
    async with outbox_of(PostgresSettings(dsn=SecretStr(dsn)), topic="out", holder="one")(
        lambda: None
    ) as opened:
        yield opened


async def test_the_first_one_pins_the_lanes_and_all_others_find_the_same(dsn: str) -> None:
    several = [await asyncpg.connect(dsn) for _ in range(4)]
    found = await asyncio.gather(*(pin_lanes(one, "out", 6) for one in several))
    other = await pin_lanes(several[0], "dead", 2)
    assert sorted(found[0]) == [0, 1, 2, 3, 4, 5]
    assert found == [found[0]] * 4
    assert not set(found[0].values()) & set(other.values())
    for one in several:
        await one.close()


async def test_of_two_that_pin_different_numbers_one_is_refused(dsn: str) -> None:
    several = [await asyncpg.connect(dsn) for _ in range(2)]
    found = await asyncio.gather(
        *(pin_lanes(one, "out", n) for one, n in zip(several, (3, 5), strict=True)),
        return_exceptions=True,
    )
    assert sorted(type(outcome) is PartitionsChanged for outcome in found) == [False, True]
    for one in several:
        await one.close()


async def test_a_lease_is_for_one_holder_until_it_is_released_or_runs_out(
    outbox: Outbox, dsn: str, connection: asyncpg.Connection
) -> None:
    settings = PostgresSettings(dsn=SecretStr(dsn))
    async with outbox_of(settings, topic="out", holder="two")(lambda: None) as other:
        assert await outbox.take_lease()
        assert await outbox.take_lease()
        assert not await other.take_lease()
        await other.release_lease()
        assert not await other.take_lease()
        await outbox.release_lease()
        assert await other.take_lease()
        assert not await outbox.take_lease()
        await connection.execute("UPDATE relay_lease SET expires_at = clock_timestamp()")
        assert await outbox.take_lease()
        # The database's clock was set back by an hour, and the holder died.
        await connection.execute("UPDATE relay_lease SET expires_at = expires_at + '1 h'::interval")
        assert await other.take_lease()
        assert not await outbox.take_lease()


async def test_published_seq_never_goes_back_and_never_waits_for_a_locked_lane(
    outbox: Outbox, connection: asyncpg.Connection
) -> None:
    lanes = await pin_lanes(connection, "out", 2)
    await connection.execute("UPDATE lane SET last_seq = 9, published_seq = 4")
    async with connection.transaction():
        await connection.execute("SELECT FROM lane WHERE lane = $1 FOR UPDATE", lanes[0])
        assert await outbox.advance({lanes[0]: 6, lanes[1]: 7}) == {lanes[1]}
    assert await outbox.advance({lanes[0]: 2, lanes[1]: 7}) == set(lanes.values())
    assert {row.partition: row.published_seq for row in await outbox.lanes()} == {0: 4, 1: 7}


async def test_rows_are_seen_when_they_are_committed_and_not_before(
    outbox: Outbox, connection: asyncpg.Connection
) -> None:
    """So nothing is skipped, however late a transaction that took earlier numbers commits."""
    lane = (await pin_lanes(connection, "out", 1))[0]
    async with connection.transaction():
        await connection.execute("UPDATE lane SET last_seq = 1")
        await connection.execute(
            "INSERT INTO change (lane, seq, headers, value) VALUES ($1, 1, '{}', '')", lane
        )
        assert not (await outbox.read({lane: 0}, LIMITS)).lanes
    [rows] = (await outbox.read({lane: 0}, LIMITS)).lanes
    assert [row.seq for row in rows.rows] == [1]


async def filled(connection: asyncpg.Connection, rows: Sequence[int]) -> dict[int, int]:
    """Lanes with so many changes of ten bytes each."""
    lanes = await pin_lanes(connection, "out", len(rows))
    for partition, count in enumerate(rows):
        lane = lanes[partition]
        await connection.execute("UPDATE lane SET last_seq = $2 WHERE lane = $1", lane, count)
        await connection.executemany(
            "INSERT INTO change (lane, seq, headers, value) VALUES ($1, $2, '{}', '0123456789')",
            [(lane, seq) for seq in range(1, count + 1)],
        )
    return lanes


@pytest.mark.parametrize(
    ("limits", "numbers", "full"),
    [
        (PageLimits(), {0: 5, 1: 1}, False),
        (PageLimits(rows=4), {0: 2, 1: 1}, True),
        (PageLimits(rows=1), {0: 1, 1: 1}, True),
        (PageLimits(value_bytes=40), {0: 2, 1: 1}, True),
        (PageLimits(value_bytes=9), {0: 1, 1: 1}, True),
    ],
)
async def test_each_lane_gets_its_share_of_a_page_and_at_least_one_row(
    outbox: Outbox,
    connection: asyncpg.Connection,
    limits: PageLimits,
    numbers: dict[int, int],
    full: bool,  # noqa: FBT001 - what is expected
) -> None:
    lanes = await filled(connection, (5, 1))
    page = await outbox.read(dict.fromkeys(lanes.values(), 0), limits)
    assert {each.partition: len(each.rows) for each in page.lanes} == numbers
    assert all(each.rows[0].seq == 1 for each in page.lanes)
    assert page.full is full


async def test_a_relay_is_woken_by_news_of_its_topic_or_of_any(
    dsn: str, connection: asyncpg.Connection
) -> None:
    woken: list[str] = []
    settings = PostgresSettings(dsn=SecretStr(dsn))
    ours = outbox_of(settings, topic="out", holder="one")(lambda: woken.append("out"))
    other = outbox_of(settings, topic="dead", holder="one")(lambda: woken.append("dead"))
    async with ours, other:
        for topics in ("out", "out dead", "", "outer"):
            await connection.execute("SELECT pg_notify($1, $2)", CHANGE_CHANNEL, topics)
        async with asyncio.timeout(5):
            while len(woken) < 5:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.01)
        await connection.execute("SELECT pg_notify($1, 'dead')", CHANGE_CHANNEL)
        async with asyncio.timeout(5):
            while len(woken) < 6:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.01)
        assert Counter(woken) == {"out": 3, "dead": 3}


async def test_a_lost_connection_makes_the_outbox_unavailable(
    outbox: Outbox, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name LIKE '%relay out%' AND datname = current_database()"
    )
    with pytest.raises(Unavailable):
        await outbox.take_lease()
    with pytest.raises(Unavailable):
        await outbox.read({1: 0}, LIMITS)
    await outbox.release_lease()


async def test_a_relay_is_woken_where_its_connection_is_lost(
    dsn: str, connection: asyncpg.Connection
) -> None:
    woken = asyncio.Event()
    settings = PostgresSettings(dsn=SecretStr(dsn))
    async with outbox_of(settings, topic="out", holder="one")(woken.set):
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'card-fulfillment relay out' "
            "AND datname = current_database()"
        )
        async with asyncio.timeout(5):
            await woken.wait()

"""Where workers died again and again, records are taken with care until the one is found."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import asyncpg
import pytest
from aiokafka.errors import KafkaError
from known_topic import known_topic

from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.kafka.consumer import InputSource
from card_fulfillment.kafka.group import GroupOptions, rejoin_after
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.positions import Position, Taken
from card_fulfillment.postgres.acceptance import accept_input
from card_fulfillment.postgres.connection import connect, connected
from card_fulfillment.postgres.positions import PostgresPositions
from card_fulfillment.settings import PostgresSettings

_ALL: Final = 10_000
# What rewinding, giving partitions away and getting them count as.
_SHARED_OUT: Final = 3


class Database:
    """Its positions, as several processes take them."""

    def __init__(self, dsn: str, connection: asyncpg.Connection, partition: Partition) -> None:
        self._open = partial(
            connect, PostgresSettings(dsn=dsn), application_name="card-fulfillment test"
        )
        self._connection, self.partition = connection, partition

    def process(self, name: str) -> PostgresPositions:
        return PostgresPositions(self._open, name)

    async def taken_by(self, process: PostgresPositions) -> Taken:
        (taken,) = (await process.take([self.partition])).values()
        return taken

    async def in_hand(self) -> int | None:
        offset: int | None = await self._connection.fetchval("SELECT in_hand FROM input_position")
        return offset

    async def accept(self, offset: int) -> None:
        """As a person does whose topic was made again."""
        await accept_input(self._connection, {self.partition: (offset, offset)})

    async def move(self, to: int) -> None:
        await self._connection.execute("UPDATE input_position SET next_offset = $1", to)

    @asynccontextmanager
    async def moving(self, to: int) -> AsyncIterator[None]:
        """While a transaction is open that moves it."""
        async with self._connection.transaction():
            await self.move(to)
            yield


@pytest.fixture
async def partition(options: ClientOptions) -> Partition:
    return await known_topic(options)


@pytest.fixture
async def database(dsn: str, partition: Partition) -> AsyncIterator[Database]:
    opened = partial(connect, PostgresSettings(dsn=dsn), application_name="card-fulfillment test")
    async with connected(opened) as connection:
        database = Database(dsn, connection, partition)
        await database.process("nobody").begin({partition: 0})
        yield database


async def test_processes_that_take_a_partition_are_counted_until_it_moves(
    database: Database,
) -> None:
    takers = [(await database.taken_by(database.process(name))).takers for name in "aabcc"]
    assert takers == [1, 1, 2, 3, 3]
    await database.move(1)
    assert [(await database.taken_by(database.process(name))).takers for name in "ca"] == [1, 2]


async def test_a_position_that_somebody_is_about_to_move_is_taken_without_waiting(
    database: Database,
) -> None:
    late = database.process("a")
    async with database.moving(to=1), asyncio.timeout(5):
        taken = await database.taken_by(late)
        assert await late.hold({database.partition: 0}) is None, "it could not be noted"
    assert taken.position.next_offset == 0
    await late.hang_up()


async def test_what_was_in_hand_of_a_process_that_died_is_in_doubt_and_counted(
    database: Database,
) -> None:
    first, second, third = map(database.process, "abc")
    assert (await database.taken_by(first)).in_hand is None
    assert [await first.hold({database.partition: 0}) for _ in range(2)] == [0, 0]
    assert (await database.taken_by(second)).in_hand == 0
    assert await first.hold({database.partition: 0}) is None, "another has the partition"
    await first.hang_up()
    assert await second.hold({database.partition: 0}) == 1
    await second.let_go()
    assert (await database.taken_by(third)).in_hand is None
    assert await third.hold({database.partition: 0}) == 0
    await database.move(1)
    assert (await database.taken_by(second)).in_hand is None
    await third.let_go()


async def test_of_a_topic_that_was_made_again_no_deaths_are_known(database: Database) -> None:
    for dying in map(database.process, "ab"):
        await database.taken_by(dying)
        await dying.hold({database.partition: 0})
        await dying.hang_up()
    await database.accept(offset=0)
    after = database.process("c")
    assert (await database.taken_by(after))[1:] == (1, None)
    assert await after.hold({database.partition: 0}) == 0
    await after.hang_up()


class _Died(PostgresPositions):
    """As after two processes that died where the positions are."""

    async def take(self, partitions: Collection[Partition]) -> dict[Partition, Taken]:
        taken = await super().take(partitions)
        return {p: each._replace(takers=3) for p, each in taken.items()}


async def fetched(source: InputSource, times: int) -> list[int]:
    """Offsets that so many fetches give."""
    found: list[int] = []
    for _ in range(times):
        found += [record.offset for record in (await source.fetch(_ALL)).records]
        await asyncio.sleep(0)
    return found


async def until_fetched(source: InputSource) -> list[int]:
    async with asyncio.timeout(20):
        while not (found := await fetched(source, 1)):
            pass
    return found


@pytest.mark.parametrize(
    ("noted", "together"),
    [(None, [[0, 1], [3]]), (0, [[0], [1], [3]]), (3, [[0], [1], [3]])],
)
async def test_in_doubt_those_that_died_had_in_hand_come_alone_and_the_others_together(
    options: ClientOptions,
    database: Database,
    dsn: str,
    noted: int | None,
    together: list[list[int]],
) -> None:
    """Markers of transactions end what is fetched at once; behind the last the doubt ends, too."""
    topic, partition = database.partition.topic, database.partition
    if noted is not None:
        dying = database.process("dying")
        await database.taken_by(dying)
        assert await dying.hold({partition: noted}) == 0
        await dying.hang_up()
    opened = partial(connect, PostgresSettings(dsn=dsn), application_name="card-fulfillment test")
    positions = _Died(opened, "d")
    source = InputSource(options, GroupOptions(topic, 6000), [topic], positions, _ALL)
    await source.start()
    for offsets in together:
        assert await until_fetched(source) == offsets
        assert source.in_doubt == 1
        assert await fetched(source, 20) == []
        assert await database.in_hand() == offsets[-1]
        await database.move(offsets[-1] + 1)
        source.applied({partition: offsets[-1] + 1})
    async with asyncio.timeout(20):
        while source.in_doubt:
            assert await fetched(source, 1) == []
    assert (await database.taken_by(database.process("e"))).in_hand is None
    await source.stop()


@pytest.mark.parametrize(("deaths", "deadly"), [(1, False), (2, True)])
async def test_a_record_is_deadly_after_two_deaths_with_it_alone_in_hand(
    options: ClientOptions, database: Database, deaths: int, *, deadly: bool
) -> None:
    for number in range(deaths):
        dying = database.process(f"dying {number}")
        await database.taken_by(dying)
        await dying.hold({database.partition: 0})
        await dying.hang_up()
    topic = database.partition.topic
    source = InputSource(
        options, GroupOptions(topic, 6000), [topic], database.process("next"), _ALL
    )
    await source.start()
    async with asyncio.timeout(20):
        while not (first := await source.fetch(_ALL)).records:
            pass
    assert (len(first.records), first.records[0].offset, first.deadly) == (1, 0, deadly)
    await source.let_go()
    await source.stop()


class _Meanwhile(_Died):
    """While they are looked up, something else happens, once."""

    happens: Callable[[], Awaitable[None]] | None = None

    async def load(self, partitions: Collection[Partition]) -> dict[Partition, Position]:
        happens, self.happens = self.happens, None
        if happens is not None:
            await happens()
        return await super().load(partitions)


async def test_in_doubt_partitions_that_are_shared_out_while_positions_are_sought_are_sought_again(
    options: ClientOptions, database: Database, dsn: str
) -> None:
    topic, partition = database.partition.topic, database.partition
    opened = partial(connect, PostgresSettings(dsn=dsn), application_name="card-fulfillment test")
    positions = _Meanwhile(opened, "d")
    source = InputSource(options, GroupOptions(topic, 6000), [topic], positions, _ALL)
    await source.start()
    assert await until_fetched(source) == [0, 1]
    await database.move(1)
    source.applied({partition: 1})
    source.rewind()
    before = (await source.fetch(0)).assignment

    async def share_out() -> None:
        rejoin_after(KafkaError(), vars(source)["_consumer"])
        while not source.is_current(before + _SHARED_OUT):  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)

    positions.happens = share_out
    source.rewind()
    assert await until_fetched(source) == [1]
    await source.stop()

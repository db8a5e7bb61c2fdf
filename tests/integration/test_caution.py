"""Where workers died again and again, records are taken with care until the one is found."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Final

import pytest
from aiokafka.errors import KafkaError
from known_topic import known_topic
from taking import Database, database_of, opening

from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.kafka.consumer import InputSource
from card_fulfillment.kafka.group import GroupOptions, rejoin_after
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.positions import Position, Taken
from card_fulfillment.postgres.positions import PostgresPositions

_ALL: Final = 10_000
# What rewinding, giving partitions away and getting them count as.
_SHARED_OUT: Final = 3


@pytest.fixture
async def partition(options: ClientOptions) -> Partition:
    return await known_topic(options)


@pytest.fixture
async def database(dsn: str, partition: Partition) -> AsyncIterator[Database]:
    async with database_of(dsn, partition) as database:
        yield database


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
        await database.dies_with("dying", noted, alone=False)
    positions = _Died(opening(dsn), "d")
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


async def _begun_after(deaths: int, options: ClientOptions, database: Database) -> InputSource:
    """Of the next process, after others died with the first record alone in hand."""
    for number in range(deaths):
        await database.dies_with(f"dying {number}", 0)
    topic = database.partition.topic
    source = InputSource(
        options, GroupOptions(topic, 6000), [topic], database.process("next"), _ALL
    )
    await source.start()
    return source


@pytest.mark.parametrize(("deaths", "deadly"), [(1, False), (2, True)])
async def test_a_record_is_deadly_after_two_deaths_with_it_alone_in_hand(
    options: ClientOptions, database: Database, deaths: int, *, deadly: bool
) -> None:
    source = await _begun_after(deaths, options, database)
    async with asyncio.timeout(20):
        while not (first := await source.fetch(_ALL)).records:
            pass
    assert (len(first.records), first.records[0].offset, first.deadly) == (1, 0, deadly)
    await source.let_go()
    await source.stop()


async def test_what_does_not_end_while_partitions_are_given_away_is_not_taken_for_a_death(
    options: ClientOptions, database: Database, dsn: str
) -> None:
    topic = database.partition.topic
    positions = _Died(opening(dsn), "d")
    source = InputSource(options, GroupOptions(topic, 6000), [topic], positions, _ALL)
    await source.start()
    assert await until_fetched(source) == [0, 1]
    async with source.holding():
        await source.on_partitions_revoked([])
        assert await database.in_hand() == -1, "nothing is in hand"
    await source.stop()


@pytest.mark.parametrize(("deaths", "in_hand"), [(1, -1), (2, 0)])
async def test_who_waits_for_the_database_with_a_record_in_hand_has_not_died_of_it(
    options: ClientOptions, database: Database, deaths: int, in_hand: int
) -> None:
    """Unless the record is deadly, and waits only to be refused."""
    source = await _begun_after(deaths, options, database)
    assert await until_fetched(source) == [0]
    assert await database.in_hand() == 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            while await database.in_hand() == 0:
                assert await fetched(source, 1) == []
    assert await database.in_hand() == in_hand
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
    positions = _Meanwhile(opening(dsn), "d")
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

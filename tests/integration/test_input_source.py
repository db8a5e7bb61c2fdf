"""The input topics as the intake fetches them: all of it once, and little of it not too often."""

import asyncio
import secrets
import struct
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from itertools import compress, pairwise

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener
from aiokafka.admin import NewPartitions, NewTopic
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import InconsistentGroupProtocolError
from input_fetching import ALL, Fetching, UnstoredPositions, first_of, ready, until
from relay_services import admin

from acceptance.audit import make_again
from card_fulfillment.kafka import forgiving, group
from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.kafka.consumer import InputSource
from card_fulfillment.kafka.group import GroupOptions
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.positions import (
    InputRecreated,
    Position,
)
from stack import run_apart

_PARTITIONS = 3
_FEW, _APART = 50, 0.015
_TICK = 0.001  # timers of an event loop go by milliseconds
_FETCH_UNDER_WAY = 0.2  # seconds, within which it waits for what comes next


@pytest.fixture
async def topic(options: ClientOptions) -> str:
    name = f"input-{secrets.token_hex(4)}"
    async with admin(options) as client:
        await client.create_topics([NewTopic(name, _PARTITIONS, 1)])
    return name


@pytest.fixture
async def producer(options: ClientOptions) -> AsyncIterator[AIOKafkaProducer]:
    opened = AIOKafkaProducer(**options)
    await opened.start()
    yield opened
    await opened.stop()


@asynccontextmanager
async def fetching(
    options: ClientOptions, topic: str, positions: UnstoredPositions | None = None
) -> AsyncIterator[Fetching]:
    source = InputSource(
        options, GroupOptions(topic, 6000), [topic], positions or UnstoredPositions(), ALL
    )
    await source.start()
    found = Fetching(source)
    await until(lambda: source.joined)
    yield found
    found.running.cancel()
    await source.stop()


async def test_little_that_comes_steadily_is_fetched_together(
    options: ClientOptions, topic: str, producer: AIOKafkaProducer
) -> None:
    count = 300
    async with fetching(options, topic) as found:
        for number in range(count):
            await producer.send_and_wait(topic, b"%d" % number, partition=number % _PARTITIONS)
        await until(found.has(count))
    offsets = defaultdict(list)
    for fetched in found.fetches:
        for record in fetched.records:
            offsets[record.partition].append(record.offset)
    assert dict(offsets) == {p: list(range(count // _PARTITIONS)) for p in range(_PARTITIONS)}
    apart = [later - earlier for earlier, later in pairwise(found.times)]
    few = [len(fetched.records) < _FEW for fetched in found.fetches[:-1]]
    assert min(compress(apart, few)) >= _APART - _TICK


async def test_what_comes_after_a_silence_is_fetched_at_once(
    options: ClientOptions, topic: str, producer: AIOKafkaProducer
) -> None:
    async with fetching(options, topic) as found:
        waits: list[float] = []
        for number in range(10):
            await asyncio.sleep(0.1)
            sent = await producer.send(topic, b"", partition=number % _PARTITIONS)
            await sent
            began = time.monotonic()
            await until(found.has(number + 1))
            waits.append(time.monotonic() - began)
    assert min(waits) < _APART


async def test_partitions_that_are_added_are_taken_from_their_beginning(
    options: ClientOptions, topic: str, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "_LOOKS_AT_TOPICS_EVERY_MS", 500)
    async with fetching(options, topic) as found:
        await producer.send_and_wait(topic, b"old", partition=0)
        await until(found.has(1))
        async with admin(options) as client:
            await client.create_partitions({topic: NewPartitions(_PARTITIONS + 1)})
        await asyncio.gather(*(_sent_to_a_new_one(options, topic, n) for n in range(3)))
        await until(found.has(4))
    new = [r.offset for fetched in found.fetches for r in fetched.records if r.partition]
    assert new == [0, 1, 2]


async def _sent_to_a_new_one(options: ClientOptions, topic: str, number: int) -> None:
    async with AIOKafkaProducer(**options) as knows_it:
        await knows_it.send_and_wait(topic, b"%d" % number, partition=_PARTITIONS)


async def test_what_is_fetched_while_it_goes_back_is_dropped_and_fetched_again(
    options: ClientOptions, topic: str, producer: AIOKafkaProducer
) -> None:
    source = InputSource(options, GroupOptions(topic, 6000), [topic], UnstoredPositions(), ALL)
    await ready(source)
    under_way = asyncio.create_task(source.fetch(ALL))
    await asyncio.sleep(0)
    source.rewind()
    await producer.send_and_wait(topic, b"", partition=0)
    assert not (await under_way).records
    assert await first_of(source) == [0]
    await source.stop()


class _MovedMeanwhile(UnstoredPositions):
    """While they are looked up for the first time, somebody takes two records more."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.goes_back: Callable[[], None] = lambda: None

    async def load(self, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        self.looks += 1
        if self.looks == 1:
            self.goes_back()
            return dict.fromkeys(partitions, Position(0, None))
        return dict.fromkeys(partitions, Position(0 if self.looks == 2 else 2, None))


async def test_positions_that_were_looked_up_before_it_went_back_are_not_gone_on_from(
    options: ClientOptions, topic: str, producer: AIOKafkaProducer
) -> None:
    for partition in range(_PARTITIONS):
        for _ in range(3):
            await producer.send_and_wait(topic, b"", partition=partition)
    positions = _MovedMeanwhile()
    source = InputSource(options, GroupOptions(topic, 6000), [topic], positions, ALL)
    positions.goes_back = source.rewind
    await source.start()
    await until(lambda: source.joined)
    assert set(await first_of(source)) == {2}
    await source.stop()


async def test_a_database_that_was_set_back_under_a_worker_is_noticed(
    options: ClientOptions, topic: str, producer: AIOKafkaProducer
) -> None:
    """The positions stay at the beginning although the source was told that more is applied."""
    await producer.send_and_wait(topic, b"one", partition=0)
    async with fetching(options, topic) as found:
        await until(found.has(1))
        found.source.rewind()
        await until(found.has(2))  # nobody applied it: it is fetched again
        found.source.applied({Partition(topic, 0): 1})
        found.source.rewind()
        with pytest.raises(InputRecreated, match=r"position 0 of .*committed 1: it was set back"):
            await found.running


async def _made_again(options: ClientOptions, topic: str, records: int) -> None:
    await make_again(options["bootstrap_servers"], topic, _PARTITIONS)
    async with AIOKafkaProducer(**options) as producer:
        for number in range(records):
            await producer.send_and_wait(topic, b"other %d" % number, partition=0)


async def test_a_topic_that_is_made_again_while_its_reader_hangs_is_noticed(
    options: ClientOptions, topic: str, producer: AIOKafkaProducer
) -> None:
    """It has as many partitions and more records: nothing else tells it from the old one."""
    positions = UnstoredPositions()
    await producer.send_and_wait(topic, b"one", partition=0)
    async with fetching(options, topic, positions) as found:
        await until(found.has(1))
        positions.move_behind(found.fetches[0].records[0])
        await asyncio.sleep(_FETCH_UNDER_WAY)
        run_apart(_made_again(options, topic, 3))  # this event loop stands still meanwhile
        with pytest.raises(InputRecreated, match="another record"):
            await asyncio.wait_for(found.running, 20)
    assert not found.has(2)()


async def test_a_group_that_did_not_take_it_in_can_be_joined_later(
    options: ClientOptions, topic: str
) -> None:
    other = AIOKafkaConsumer(
        topic, **options, group_id=topic, partition_assignment_strategy=(RangePartitionAssignor,)
    )
    await other.start()
    source = InputSource(options, GroupOptions(topic, 6000), [topic], UnstoredPositions(), ALL)
    assert not source.is_member
    with pytest.raises(InconsistentGroupProtocolError):
        await source.start()
    assert not source.is_member
    await other.stop()
    await source.start()
    assert source.joined
    assert source.is_member
    await source.stop()
    assert not source.is_member


class _Hesitant(ConsumerRebalanceListener):
    """Keeps the whole group waiting, once it is to give away what it has."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()

    async def on_partitions_revoked(self, revoked: Collection[object]) -> None:
        if revoked:
            await self.goes_on.wait()

    def on_partitions_assigned(self, assigned: object) -> None:
        pass


async def test_a_group_that_does_not_get_on_with_sharing_out_does_not_hold_the_fetches_up(
    options: ClientOptions, topic: str
) -> None:
    source = InputSource(options, GroupOptions(topic, 6000), [topic], UnstoredPositions(), ALL)
    await source.start()
    listener = _Hesitant()
    others = [
        AIOKafkaConsumer(**options, group_id=topic, rebalance_timeout_ms=60_000) for _ in "ab"
    ]
    others[0].subscribe([topic], listener=listener)
    await others[0].start()
    others[1].subscribe([topic])
    joining = asyncio.create_task(others[1].start())
    await until(lambda: source._consumer._subscription.reassignment_in_progress)
    async with asyncio.timeout(10):
        assert not (await source.fetch(ALL)).records
    listener.goes_on.set()
    await joining
    await asyncio.gather(source.stop(), *(other.stop() for other in others))


async def test_what_the_parser_cannot_read_loses_nothing_before_it_nor_beside_it(
    options: ClientOptions, topic: str, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives up the whole run, and would go on behind what it had of other partitions."""
    sent = [b"%d" % number for number in range(6)]
    for value in sent:
        await producer.send_and_wait(topic, value, partition=1)
    for partition in (0, 2):
        await producer.send_and_wait(topic, b"beside it", partition=partition)
    failures = 0
    parse = forgiving.ForgivingRecords.next_batch

    def fail_in_the_middle(records: forgiving.ForgivingRecords) -> object:
        nonlocal failures
        batch = parse(records)
        if batch is not None and batch.base_offset == 3 and failures < 3:
            failures += 1
            raise struct.error("nobody can read this")
        return batch

    monkeypatch.setattr(forgiving.ForgivingRecords, "next_batch", fail_in_the_middle)
    async with fetching(options, topic) as found:
        await until(found.has(2 + len(sent)))
    assert failures == 3
    records = [record for fetched in found.fetches for record in fetched.records]
    assert [record.value for record in records if record.partition == 1] == sent
    assert [record.value for record in records if record.partition != 1] == 2 * [b"beside it"]

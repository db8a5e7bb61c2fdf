"""The input topics as the intake fetches them: all of it once, and little of it not too often."""

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from itertools import compress, pairwise

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from relay_services import admin

from card_fulfillment.kafka.connection import ClientOptions, client_options
from card_fulfillment.kafka.consumer import GroupOptions, InputSource
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.intake_ports import Fetched
from card_fulfillment.pipeline.positions import Position
from card_fulfillment.settings import KafkaSettings
from stack import Services

_PARTITIONS = 3
_FEW, _APART = 50, 0.015
_ALL = 10_000


class _Positions:
    """Positions that nobody stores: each search begins where the topic does."""

    def __init__(self) -> None:
        self._begun: dict[Partition, Position] = {}

    async def load(self, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        return {p: self._begun[p] for p in partitions if p in self._begun}

    async def begin(self, offsets: Mapping[Partition, int]) -> None:
        self._begun |= {p: Position(offset, None) for p, offset in offsets.items()}


class _Fetching:
    """Everything that is fetched, in order, and when."""

    def __init__(self, source: InputSource) -> None:
        self._source = source
        self.fetches: list[Fetched] = []
        self.times: list[float] = []

    async def run(self) -> None:
        while True:
            fetched = await self._source.fetch(_ALL)
            if fetched.records:
                self.fetches.append(fetched)
                self.times.append(time.monotonic())

    def has(self, count: int) -> Callable[[], bool]:
        return lambda: sum(len(fetched.records) for fetched in self.fetches) >= count


@pytest.fixture
def options(stack: Services) -> ClientOptions:
    return client_options(KafkaSettings(bootstrap_servers=stack.bootstrap))


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
async def fetching(options: ClientOptions, topic: str) -> AsyncIterator[_Fetching]:
    source = InputSource(options, GroupOptions(topic, 6000), [topic], _Positions())
    await source.start()
    found = _Fetching(source)
    task = asyncio.create_task(found.run())
    await until(lambda: source.joined)
    yield found
    task.cancel()
    await source.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.005)


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
    assert min(compress(apart, few)) >= _APART


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

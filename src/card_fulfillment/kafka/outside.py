"""Kafka as the worker's neighbours use it: sending to its inputs, subscribing to its outputs."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.kafka.ending import end_consumer
from card_fulfillment.kafka.records import record_of
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Partition

_POLL_MS: Final = 50


class Message(NamedTuple):
    """What is to be sent. A key decides the partition as in Kafka's own clients."""

    topic: str
    key: bytes | None
    value: bytes


class Coordinates(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int


class Sender:
    """Sends records in order, acknowledged."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def send(self, messages: Iterable[Message]) -> list[Coordinates]:
        """Where each is now. Raises KafkaError."""
        pending = [await self._producer.send(m.topic, m.value, m.key) for m in messages]
        acknowledged = [await each for each in pending]
        return [Coordinates(each.topic, each.partition, each.offset) for each in acknowledged]


@asynccontextmanager
async def sender(options: ClientOptions) -> AsyncIterator[Sender]:
    producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True)
    try:
        await producer.start()
        yield Sender(producer)
    finally:
        await producer.stop()


class Subscriber:
    """Reads topics from their beginning, read_committed, as every subscriber must."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def receive(self) -> Sequence[Record]:
        """What came since the last call; waits a twentieth of a second for it, no longer."""
        fetched = await self._consumer.getmany(timeout_ms=_POLL_MS)
        return [record_of(raw) for records in fetched.values() for raw in records]


@asynccontextmanager
async def subscriber(
    options: ClientOptions, partitions: Collection[Partition]
) -> AsyncIterator[Subscriber]:
    """Subscribe to these partitions, in no group."""
    consumer = AIOKafkaConsumer(
        **options,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_POLL_MS,
    )
    try:
        await consumer.start()
        consumer.assign([TopicPartition(*each) for each in partitions])
        yield Subscriber(consumer)
    finally:
        await end_consumer(consumer)

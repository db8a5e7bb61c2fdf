"""What the intake must not take from its topics: what was taken back, and what is not the next."""

import secrets
from collections.abc import Collection, Mapping

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import OffsetOutOfRangeError
from input_fetching import ALL, UnstoredPositions, first_of
from relay_services import admin

from card_fulfillment.kafka import consumer
from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.kafka.consumer import InputSource
from card_fulfillment.kafka.group import GroupOptions
from card_fulfillment.kafka.incarnation import Extent
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.positions import InputRecreated, Position


@pytest.fixture
async def partition(options: ClientOptions) -> Partition:
    name = f"limits-{secrets.token_hex(4)}"
    async with admin(options) as client:
        await client.create_topics([NewTopic(name, 1, 1)])
    return Partition(name, 0)


def source_of(
    options: ClientOptions, partition: Partition, positions: UnstoredPositions
) -> InputSource:
    group = GroupOptions(partition.topic, 6000)
    return InputSource(options, group, [partition.topic], positions, ALL)


async def test_what_its_producer_took_back_is_not_taken_in(
    options: ClientOptions, partition: Partition
) -> None:
    producer = AIOKafkaProducer(**options, transactional_id=partition.topic)
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(partition.topic, b"taken back", partition=0)
    await producer.abort_transaction()
    async with producer.transaction():
        await producer.send_and_wait(partition.topic, b"said", partition=0)
    await producer.stop()

    source = source_of(options, partition, UnstoredPositions())
    await source.start()
    assert await first_of(source) == [2]  # 0 was taken back, 1 says so
    await source.stop()


async def test_what_kafka_deletes_after_the_position_was_looked_at_is_told_and_not_passed_over(
    options: ClientOptions, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def looked_at(
        _: ClientOptions, partitions: Collection[Partition], __: Mapping[Partition, Position]
    ) -> Mapping[Partition, Extent]:
        return dict.fromkeys(partitions, Extent(0, 9))

    monkeypatch.setattr(consumer, "verified_extents", looked_at)
    positions = UnstoredPositions()
    await positions.begin({partition: 5})
    source = source_of(options, partition, positions)
    await source.start()
    with pytest.raises(InputRecreated, match="out of range"):
        await first_of(source)
    await source.stop()


async def test_a_position_that_is_not_gone_on_from_may_be_out_of_range(
    options: ClientOptions, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As what was committed to Kafka may be, from which the library begins by itself."""
    source = source_of(options, partition, UnstoredPositions())

    async def goes_back(*_: object, **__: object) -> None:
        source.rewind()
        raise OffsetOutOfRangeError({TopicPartition(*partition): 5})

    await source.start()
    monkeypatch.setattr(AIOKafkaConsumer, "getmany", goes_back)
    assert not (await source.fetch(ALL)).records
    await source.stop()

"""An input topic is known again by its offsets and by the last record that was taken from it."""

import secrets

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic, RecordsToDelete
from known_topic import AT, MARKER, known_topic
from relay_services import admin

from card_fulfillment.kafka import incarnation
from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.kafka.incarnation import Extent, refuse_a_set_back, verified_extents
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.intake_ports import SourceUnavailable
from card_fulfillment.pipeline.positions import (
    InputRecreated,
    LastRecord,
    Position,
    record_digest,
)


@pytest.fixture
async def topic(options: ClientOptions) -> Partition:
    return await known_topic(options)


def taken(partition: Partition, offset: int, value: bytes, *, at: int = AT) -> Position:
    """Taken up to this record, which was the last one."""
    digest = record_digest(Record(partition.topic, 0, offset, 0, None, value))
    return Position(offset + 1, LastRecord(offset, at * 1000, digest))


async def found(options: ClientOptions, partition: Partition, position: Position) -> int:
    extents = await verified_extents(options, [partition], {partition: position})
    return extents[partition].first


async def test_a_topic_that_is_still_the_same_is_gone_on_with(
    options: ClientOptions, topic: Partition
) -> None:
    at_its_end = Position(5, None)
    one, two = taken(topic, 0, b"one"), taken(topic, 1, b"two")
    for position in (Position(0, None), one, two, at_its_end):
        extents = await verified_extents(options, [topic], {topic: position})
        assert extents == {topic: Extent(0, 5)}


async def test_where_the_last_record_is_gone_there_is_nothing_to_compare_with(
    options: ClientOptions, topic: Partition
) -> None:
    assert await found(options, topic, taken(topic, MARKER, b"compacted away")) == 0


@pytest.mark.parametrize(
    ("value", "at"), [(b"another", AT), (b"one", AT + 1)], ids=["content", "time"]
)
async def test_another_record_where_the_last_one_was_is_another_topic(
    options: ClientOptions, topic: Partition, value: bytes, at: int
) -> None:
    with pytest.raises(InputRecreated, match="another record at offset 0"):
        await found(options, topic, taken(topic, 0, value, at=at))


async def test_a_position_behind_the_end_is_of_another_topic(
    options: ClientOptions, topic: Partition
) -> None:
    with pytest.raises(InputRecreated, match="has offsets 0 to 5"):
        await found(options, topic, Position(6, None))


async def test_what_was_deleted_before_it_was_taken_is_told_and_what_was_taken_is_not_missed(
    options: ClientOptions, topic: Partition
) -> None:
    async with admin(options) as client:
        await client.delete_records({TopicPartition(*topic): RecordsToDelete(before_offset=1)})
    assert await found(options, topic, taken(topic, 0, b"never looked at")) == 1
    with pytest.raises(InputRecreated, match="has offsets 1 to 5"):
        await found(options, topic, Position(0, None))
    with pytest.raises(InputRecreated, match="another record at offset 1"):
        await found(options, topic, taken(topic, 1, b"another"))


async def test_an_input_topic_that_is_not_there_is_named(
    options: ClientOptions, topic: Partition
) -> None:
    gone = topic._replace(topic=f"{topic.topic}-gone")
    with pytest.raises(SourceUnavailable, match=f"^there is no topic {gone.topic}$"):
        await verified_extents(options, [topic, gone], {})


async def test_however_many_partitions_there_are_all_are_held_against_them_in_time(
    options: ClientOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, each takes a tenth of a second: some hundreds would never be begun."""
    monkeypatch.setattr(incarnation, "_ANSWERED_WITHIN", 4.0)
    name = f"many-{secrets.token_hex(4)}"
    partitions = [Partition(name, number) for number in range(60)]
    async with admin(options) as client:
        await client.create_topics([NewTopic(name, len(partitions), 1)])
    producer = AIOKafkaProducer(**options)
    await producer.start()
    for _, number in partitions:
        await producer.send_and_wait(name, b"one", partition=number, timestamp_ms=AT)
    await producer.stop()

    stored = {each: taken(each, 0, b"one") for each in partitions}
    extents = await verified_extents(options, partitions, stored)
    assert extents == dict.fromkeys(partitions, Extent(0, 1))

    stored[partitions[41]] = taken(partitions[41], 0, b"another")
    with pytest.raises(InputRecreated, match=r"\[41\] has another record"):
        await verified_extents(options, partitions, stored)


def test_a_position_before_one_that_was_committed_is_of_a_database_that_was_set_back() -> None:
    one, other = Partition("orders", 0), Partition("orders", 1)
    refuse_a_set_back({one: Position(7, None), other: Position(0, None)}, {one: 7})
    refuse_a_set_back({one: Position(9, None)}, {one: 7})
    with pytest.raises(InputRecreated, match=r"position 6 of orders\[0\].* committed 7"):
        refuse_a_set_back({one: Position(6, None)}, {one: 7})

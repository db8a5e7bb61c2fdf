"""Is an input topic still the one that was taken from? It can be deleted and made again."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.kafka.ending import end_consumer
from card_fulfillment.kafka.records import micros_of
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.intake_ports import SourceUnavailable
from card_fulfillment.pipeline.positions import (
    InputRecreated,
    LastRecord,
    Position,
    record_digest,
)

_READ_WITHIN: Final = 2.0
# Of all servers that are named the library asks one after the other, each with a time of its own.
_ANSWERED_WITHIN: Final = 30.0


class Extent(NamedTuple):
    """The first offset of a partition, and the one after its last, open transactions included."""

    first: int
    end: int


async def verified_extents(
    options: ClientOptions, partitions: Collection[Partition], stored: Mapping[Partition, Position]
) -> Mapping[Partition, Extent]:
    """What each partition has, after the stored positions were held against the topics.

    Raises InputRecreated where a position is out of range or the record before it is another one,
    and SourceUnavailable where Kafka does not answer within half a minute.
    """
    if not partitions:
        return {}
    consumer = AIOKafkaConsumer(**options, enable_auto_commit=False, auto_offset_reset="none")
    try:
        async with asyncio.timeout(_ANSWERED_WITHIN):
            return await _verified(consumer, partitions, stored)
    except (KafkaError, TimeoutError) as error:
        raise SourceUnavailable(type(error).__name__) from error
    finally:
        await end_consumer(consumer)


async def _verified(
    consumer: AIOKafkaConsumer,
    partitions: Collection[Partition],
    stored: Mapping[Partition, Position],
) -> Mapping[Partition, Extent]:
    await consumer.start()
    if missing := {p.topic for p in partitions} - await consumer.topics():
        raise SourceUnavailable(f"there is no topic {', '.join(sorted(missing))}")
    topic_partitions = [TopicPartition(*p) for p in partitions]
    consumer.assign(topic_partitions)
    beginnings = await consumer.beginning_offsets(topic_partitions)
    ends = await consumer.end_offsets(topic_partitions)
    lasts: dict[TopicPartition, LastRecord] = {}
    for partition, position in stored.items():
        tp = TopicPartition(*partition)
        _check_range(partition, position, beginnings[tp], ends[tp])
        if position.last is not None and position.last.offset >= beginnings[tp]:
            lasts[tp] = position.last
    await _check_lasts(consumer, lasts)
    return {
        Partition(tp.topic, tp.partition): Extent(first, ends[tp])
        for tp, first in beginnings.items()
    }


def _check_range(partition: Partition, position: Position, beginning: int, end: int) -> None:
    if not beginning <= position.next_offset <= end:
        raise InputRecreated(
            f"{partition.topic}[{partition.partition}] has offsets {beginning} to {end}, "
            f"the stored position is {position.next_offset}"
        )


async def _check_lasts(
    consumer: AIOKafkaConsumer, lasts: Mapping[TopicPartition, LastRecord]
) -> None:
    """All together: one after the other, each waits for what is fetched of those before it."""
    for tp, last in lasts.items():
        consumer.seek(tp, last.offset)
    left = set(lasts)
    while left:
        async with asyncio.timeout(_READ_WITHIN):
            found = await consumer.getone(*left)
        tp = TopicPartition(found.topic, found.partition)
        consumer.pause(tp)
        left.remove(tp)
        _check_last(tp, lasts[tp], found)


def _check_last(tp: TopicPartition, last: LastRecord, found: ConsumerRecord[bytes, bytes]) -> None:
    if found.offset != last.offset:
        return  # compacted away: nothing to compare with
    digest = record_digest(Record(tp.topic, tp.partition, found.offset, 0, found.key, found.value))
    if (micros_of(found.timestamp), digest) != (last.timestamp, last.digest):
        raise InputRecreated(
            f"{tp.topic}[{tp.partition}] has another record at offset {last.offset} "
            "than the one that was taken"
        )


def refuse_a_set_back(stored: Mapping[Partition, Position], done: Mapping[Partition, int]) -> None:
    """Positions only go forward: who saw one committed that is no more must take nothing in."""
    for partition, position in stored.items():
        if position.next_offset < done.get(partition, 0):
            raise InputRecreated(
                f"the database has position {position.next_offset} of {partition.topic}"
                f"[{partition.partition}], although this worker committed {done[partition]}: it "
                "was set back"
            )

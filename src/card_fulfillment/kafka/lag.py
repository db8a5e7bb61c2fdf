"""How far the group's consumer is behind the ends of its partitions."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from itertools import chain
from typing import Final, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.backlog import InputBacklog
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.intake_ports import SourceUnavailable

T = TypeVar("T")

_ANSWERED_WITHIN: Final = 3.0
_UNKNOWN: Final = -1


class Given(NamedTuple):
    """Records that were fetched, and up to where that goes in each of their partitions."""

    records: list[Record]
    ends: Mapping[Partition, int]

    def is_done(self, done: Mapping[Partition, int]) -> bool:
        return all(done.get(partition, 0) >= end for partition, end in self.ends.items())


async def soon(answer: Awaitable[T]) -> T:
    """What Kafka is asked, answered within seconds; raises SourceUnavailable."""
    try:
        async with asyncio.timeout(_ANSWERED_WITHIN):
            return await answer
    except (KafkaError, TimeoutError) as error:
        raise SourceUnavailable(type(error).__name__) from error


async def measure(
    consumer: AIOKafkaConsumer, done: Mapping[Partition, int], out: Iterable[Iterable[Record]]
) -> list[InputBacklog]:
    """Of every partition that is still assigned.

    done: up to where all is applied. out: records fetched, oldest first, applied or not. Raises
    KafkaError; has no deadline of its own.
    """
    oldest = _oldest_not_applied(done, out)
    partitions = [p for p in done if TopicPartition(*p) in consumer.assignment()]
    ends = await consumer.end_offsets([TopicPartition(*p) for p in partitions])
    found = []
    for partition in partitions:
        tp = TopicPartition(*partition)
        if tp not in consumer.assignment():
            continue
        # Ends of transactions are offsets without a record. The consumer passes them, and what is
        # applied does not: where all records are applied, the consumer knows how far that is.
        caught_up = partition not in oldest
        position = await consumer.position(tp) if caught_up else done[partition]
        lag = max(ends[tp] - position, 0)
        found.append(
            InputBacklog(partition, position, lag, oldest.get(partition), _withheld(consumer, tp))
        )
    return found


async def partition_counts(consumer: AIOKafkaConsumer) -> dict[str, int]:
    """Of every topic that may be seen. Raises KafkaError; has no deadline of its own."""
    cluster = await vars(consumer)["_client"].fetch_all_metadata()
    return {topic: len(cluster.partitions_for_topic(topic)) for topic in cluster.topics()}


def _oldest_not_applied(
    done: Mapping[Partition, int], out: Iterable[Iterable[Record]]
) -> dict[Partition, int]:
    """Timestamps, of the partitions of which a record was fetched and is not applied."""
    found: dict[Partition, int] = {}
    for record in chain.from_iterable(out):
        partition = Partition(record.topic, record.partition)
        if partition not in found and record.offset >= done.get(partition, record.offset + 1):
            found[partition] = record.timestamp
            if len(found) == len(done):
                break
    return found


def _withheld(consumer: AIOKafkaConsumer, tp: TopicPartition) -> int:
    """As of the last answer to a fetch, which tells both ends at once."""
    if tp not in consumer.assignment():
        return 0
    end: int | None
    stable: int | None
    end, stable = consumer.highwater(tp), consumer.last_stable_offset(tp)
    if end is None or stable is None or stable == _UNKNOWN:
        return 0
    return max(end - stable, 0)

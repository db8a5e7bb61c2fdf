"""An output topic as subscribers see it, and up to where it is written already."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.kafka.records import record_of
from card_fulfillment.kafka.tail import consumer_of
from card_fulfillment.messages.envelope import Record

_WAIT_MS: Final = 200
_AT_ONCE: Final = 2000


class OutputReader:
    """Partitions are numbers, offsets those of Kafka. All of it raises KafkaError."""

    def __init__(
        self,
        committed: AIOKafkaConsumer,
        everything: AIOKafkaConsumer,
        partitions: Collection[TopicPartition],
    ) -> None:
        self._committed, self._everything = committed, everything
        self._partitions = {each.partition: each for each in partitions}

    async def beginnings(self) -> Mapping[int, int]:
        """Where each log begins now; above 0 records were deleted."""
        found = await self._committed.beginning_offsets(self._partitions.values())
        return {partition: found[tp] for partition, tp in self._partitions.items()}

    async def written(self) -> Mapping[int, int]:
        """Where each log ends, transactions that are not decided yet included."""
        found = await self._everything.end_offsets(self._partitions.values())
        return {partition: found[tp] for partition, tp in self._partitions.items()}

    def go_on_from(self, offsets: Mapping[int, int]) -> None:
        for partition, offset in offsets.items():
            self._committed.seek(self._partitions[partition], offset)

    async def receive(self) -> list[Record]:
        """What is committed next, some thousand records at most; waits a little for it."""
        fetched = await self._committed.getmany(timeout_ms=_WAIT_MS, max_records=_AT_ONCE)
        return [record_of(raw) for records in fetched.values() for raw in records]

    async def positions(self) -> Mapping[int, int]:
        """Where each partition goes on: behind what was received, and behind markers."""
        return {p: await self._committed.position(tp) for p, tp in self._partitions.items()}


@asynccontextmanager
async def output_reader(
    options: ClientOptions, topic: str, partitions: Collection[int]
) -> AsyncIterator[OutputReader]:
    """In no group. Nothing is received before `go_on_from` named a place for each partition."""
    ours = [TopicPartition(topic, partition) for partition in partitions]
    async with (
        consumer_of(options, ours, "read_committed") as committed,
        consumer_of(options, ours, "read_uncommitted") as everything,
    ):
        yield OutputReader(committed, everything, ours)

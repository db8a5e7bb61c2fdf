"""The last record of every partition of an output topic, as a read_committed consumer sees it."""

import re
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final, Literal

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.kafka.ending import end_consumer
from card_fulfillment.pipeline.relay_ports import Tail, Unavailable

_FIRST_STEP: Final = 64
_POLL_MS: Final = 50
_NUMBER: Final = re.compile(rb"[0-9]{1,19}")

_Offsets = Mapping[TopicPartition, int]
# Lane, seq and value of a record of the relay.
_Marked = tuple[int, int, bytes]


class HeldOpen(Unavailable):
    """A transaction is open on these partitions, from these offsets on."""

    def __init__(self, offsets: _Offsets) -> None:
        (first, at), *_ = offsets.items()
        super().__init__(
            "a transaction that is not the relay's, or that Kafka did not end, is open on "
            f"{first.topic} [{first.partition}] at offset {at}"
        )
        self.partitions = list(offsets)


async def read_tails(
    options: ClientOptions, topic: str, partitions: Collection[int], *, settled: bool = True
) -> Mapping[int, Tail]:
    """Read each partition's end backwards, in steps that double, until a record of the relay shows.

    Records without numbers in the headers `lane` and `seq` are none of the relay's and are passed
    over.
    While a transaction is open, what comes after its beginning is not seen: then it raises
    HeldOpen or, with `settled=False`, gives the end of the part before. Raises KafkaError. Has
    no deadline of its own.
    """
    ours = [TopicPartition(topic, partition) for partition in partitions]
    written = await _written(options, ours) if settled else {}
    async with consumer_of(options, ours, "read_committed") as committed:
        first = await committed.beginning_offsets(ours)
        end = await committed.end_offsets(ours)
        _refuse_open_transactions(written, end)
        last = await _last_records(committed, first, end)
    return {p.partition: Tail(first[p], *last.get(p, (None, None, None))) for p in ours}


async def _written(options: ClientOptions, partitions: Collection[TopicPartition]) -> _Offsets:
    async with consumer_of(options, partitions, "read_uncommitted") as everything:
        offsets: _Offsets = await everything.end_offsets(partitions)
    return offsets


@asynccontextmanager
async def consumer_of(
    options: ClientOptions,
    partitions: Collection[TopicPartition],
    isolation: Literal["read_committed", "read_uncommitted"],
) -> AsyncIterator[AIOKafkaConsumer]:
    """In no group; where it reads is to be sought. Raises KafkaError."""
    consumer = AIOKafkaConsumer(
        **options,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level=isolation,
        fetch_max_wait_ms=_POLL_MS,
    )
    try:
        await consumer.start()
        consumer.assign(partitions)  # it asks for leaders now, and not after a first failure
        yield consumer
    finally:
        await end_consumer(consumer)


def _refuse_open_transactions(written: _Offsets, stable: _Offsets) -> None:
    held = {p: stable[p] for p, offset in written.items() if stable[p] < offset}
    if held:
        raise HeldOpen(held)


async def _last_records(
    consumer: AIOKafkaConsumer, first: _Offsets, end: _Offsets
) -> dict[TopicPartition, _Marked]:
    found: dict[TopicPartition, _Marked] = {}
    step = _FIRST_STEP
    start = dict(end)
    while open_ := [p for p, offset in start.items() if p not in found and offset > first[p]]:
        start = {p: max(first[p], end[p] - step) for p in open_}
        found |= await _scan(consumer, start, end)
        step *= 2
    return found


async def _scan(
    consumer: AIOKafkaConsumer, start: _Offsets, end: _Offsets
) -> dict[TopicPartition, _Marked]:
    """Find the last record of the relay in [start, end) of each partition that has one there."""
    consumer.assign(list(start))
    for partition, offset in start.items():
        consumer.seek(partition, offset)
    found: dict[TopicPartition, _Marked] = {}
    behind = list(start)
    while behind:
        fetched = await consumer.getmany(*behind, timeout_ms=_POLL_MS)
        for partition, records in fetched.items():
            for last in of_the_relay(records):
                found[partition] = last
        behind = [p for p in behind if await consumer.position(p) < end[p]]
    return found


def of_the_relay(records: Iterable[ConsumerRecord[bytes, bytes]]) -> list[_Marked]:
    """Lane, seq and value of those that the relay wrote; somebody else wrote the others."""
    marks = ((dict(record.headers), record.value) for record in records)
    return [
        (int(mark["lane"]), int(mark["seq"]), value or b"")
        for mark, value in marks
        if all(_NUMBER.fullmatch(mark.get(name) or b"") for name in ("lane", "seq"))
    ]

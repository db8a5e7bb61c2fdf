"""Reading one record again, by its place."""

import asyncio
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.kafka.ending import end_consumer
from card_fulfillment.kafka.records import record_of
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.intake_ports import SourceUnavailable

_WITHIN: Final = 10.0


async def read_record(
    options: ClientOptions, topic: str, partition: int, offset: int
) -> Record | None:
    """None where the topic has no record there any more. Raises SourceUnavailable."""
    tp = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(**options, enable_auto_commit=False, auto_offset_reset="none")
    try:
        async with asyncio.timeout(_WITHIN):
            await consumer.start()
            if topic not in await consumer.topics():
                return None
            consumer.assign([tp])
            first = (await consumer.beginning_offsets([tp]))[tp]
            end = (await consumer.end_offsets([tp]))[tp]
            if not first <= offset < end:
                return None
            consumer.seek(tp, offset)
            found = await consumer.getone(tp)
    except (KafkaError, TimeoutError) as error:
        raise SourceUnavailable(type(error).__name__) from error
    finally:
        await end_consumer(consumer)
    return record_of(found) if found.offset == offset else None

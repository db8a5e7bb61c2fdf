"""A topic of which it is known what is in it."""

import secrets
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from relay_services import admin

from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.pipeline.batch import Partition

AT: Final = 1_700_000_000_000  # milliseconds, of all of its records
MARKER: Final = 2  # an offset that no record has


async def known_topic(options: ClientOptions) -> Partition:
    """Two records, a marker of Kafka's, a record, a marker; their end is 5."""
    name = f"known-{secrets.token_hex(4)}"
    async with admin(options) as client:
        await client.create_topics([NewTopic(name, 1, 1)])
    producer = AIOKafkaProducer(**options, transactional_id=name)
    await producer.start()
    for values in ((b"one", b"two"), (b"four",)):
        async with producer.transaction():
            for value in values:
                await producer.send_and_wait(name, value, timestamp_ms=AT)
    await producer.stop()
    return Partition(name, 0)

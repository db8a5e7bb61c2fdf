"""A Kafka that nobody has used yet makes its topics for groups and transactions when asked."""

import asyncio

from card_fulfillment.devstack import embedded_stack
from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.examination import examiner
from card_fulfillment.settings import KafkaSettings


async def test_a_new_kafka_can_be_looked_at() -> None:
    with embedded_stack(durable=False) as stack:
        options = client_options(KafkaSettings(bootstrap_servers=stack.bootstrap))
        async with asyncio.timeout(20), examiner(options) as kafka:
            await kafka.transactions("nobody's")
            group = await kafka.group("nobody's")
    assert group.members == []

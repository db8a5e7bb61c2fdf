"""What one would write first: a message at a time, and nothing in case of a crash.

It is not exactly once, knows no order among the topics, no references and no corrections; it is
here to say what batches are worth. Settings: BOOTSTRAP, DSN, PREFIX in the environment.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS naive_card (card_id text PRIMARY KEY, status text, version integer);
CREATE TABLE IF NOT EXISTS naive_history (card_id text, version integer, status text, body jsonb,
                                          PRIMARY KEY (card_id, version))
"""
_MOVE: Final = """
INSERT INTO naive_card VALUES ($1, $2, 1)
ON CONFLICT (card_id) DO UPDATE SET status = $2, version = naive_card.version + 1
RETURNING version
"""
_REMEMBER: Final = "INSERT INTO naive_history VALUES ($1, $2, $3, $4::jsonb)"
_STATUSES: Final = {
    ("DATA_OK", None): "accepted",
    ("PERSO_ONGOING", None): "in_production",
    ("SHIPPED", None): "shipped",
    ("SHIPPED", "InTransit"): "in_transit",
    ("SHIPPED", "Delivered"): "delivered",
}
INPUTS: Final = ("card-created", "embossing-requested", "perso-vendor-tracking-meridian")
OUTPUT: Final = "fulfillment_status-changed"


async def main(environment: Mapping[str, str]) -> None:
    """Work until it is killed."""
    prefix = environment["PREFIX"]
    bootstrap = environment["BOOTSTRAP"]
    database = await asyncpg.connect(environment["DSN"])
    await database.execute(_TABLES)
    consumer = AIOKafkaConsumer(
        *(prefix + topic for topic in INPUTS),
        bootstrap_servers=bootstrap,
        group_id=f"{prefix}naive",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await consumer.start()
    await producer.start()
    async for record in consumer:
        event = await _applied(database, record, prefix)
        await producer.send_and_wait(prefix + OUTPUT, json.dumps(event).encode(), key=record.key)
        await consumer.commit()


async def _applied(
    database: asyncpg.Connection, record: ConsumerRecord[bytes, bytes], prefix: str
) -> dict[str, Any]:
    body = json.loads(record.value or b"{}")
    card_id = (record.key or b"").decode()
    status = _status(record.topic.removeprefix(prefix), body)
    async with database.transaction():
        version = await database.fetchval(_MOVE, card_id, status)
        await database.execute(_REMEMBER, card_id, version, status, json.dumps(body))
    return {"card_id": card_id, "version": version, "fulfillment_status": status}


def _status(topic: str, body: dict[str, Any]) -> str:
    if topic == INPUTS[0]:
        return "created"
    if topic == INPUTS[1]:
        return "ordered"
    detail = body["notifications"][0]["detail"]
    return _STATUSES[detail["state"], detail.get("shipment", {}).get("status")]


if __name__ == "__main__":
    asyncio.run(main(os.environ))

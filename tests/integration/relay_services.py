"""A topic, an outbox and relays between them, on a real Kafka and Postgres."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidTxnState
from pydantic import SecretStr

from card_fulfillment.kafka.connection import ClientOptions, client_options
from card_fulfillment.kafka.producer import publisher_of
from card_fulfillment.kafka.topics import TopicPlan, ensure_topics, output_configs
from card_fulfillment.messages.headers import Headers
from card_fulfillment.pipeline.relay import Relay
from card_fulfillment.pipeline.relay_ports import Outbox, PageLimits, RelayPorts
from card_fulfillment.postgres.outbox import outbox_of, pin_lanes
from card_fulfillment.postgres.words import CHANGE_CHANNEL
from card_fulfillment.settings import KafkaSettings, PostgresSettings

DEADLINE = 60.0
HEADERS = Headers("/tests", "https://schemas.example")
Record = ConsumerRecord[bytes, bytes]

_INSERT = """
WITH taken AS (
    UPDATE lane SET last_seq = last_seq + $2 WHERE lane = $1 RETURNING last_seq - $2 AS before
)
INSERT INTO change (lane, seq, key, headers, value)
SELECT $1, before + n, 'card-' || n, $3, coalesce($4, convert_to('value ' || before + n, 'UTF8'))
FROM taken, generate_series(1, $2) AS n
"""


@dataclass(frozen=True)
class Setup:
    """One topic and the lanes in the database that belong to it, by partition."""

    topic: str
    kafka: KafkaSettings
    postgres: PostgresSettings
    database: asyncpg.Connection
    lanes: Mapping[int, int]

    @property
    def options(self) -> ClientOptions:
        return client_options(self.kafka)

    async def add(
        self, partition: int, count: int = 1, value: bytes | None = None, **headers: str
    ) -> None:
        """Insert changes as intake does: counter, rows and notification in one transaction."""
        async with self.database.transaction():
            lane = self.lanes[partition]
            await self.database.execute(_INSERT, lane, count, json.dumps(headers), value)
            await self.database.execute("SELECT pg_notify($1, '')", CHANGE_CHANNEL)

    def relay(
        self, holder: str = "one", limits: PageLimits | None = None, *, leased: bool = False
    ) -> Relay:
        """Make a relay; with `leased` it believes to have the lease whoever has it."""
        outbox = outbox_of(self.postgres, topic=self.topic, holder=holder)
        return Relay(
            RelayPorts(
                _always_leased(outbox) if leased else outbox,
                publisher_of(self.kafka, self.topic, HEADERS),
                limits or PageLimits(),
            )
        )

    async def create_topic(self) -> None:
        plan = TopicPlan(self.topic, len(self.lanes), output_configs(-1))
        assert await ensure_topics(self.options, [plan], check_only=False) == []

    async def output(self) -> dict[int, list[Record]]:
        """Every committed record of the topic, by partition."""
        return await committed(self.options, self.topic, sorted(self.lanes))

    async def published_seqs(self) -> dict[int, int]:
        rows = await self.database.fetch("SELECT partition, published_seq FROM lane")
        return dict(map(tuple, rows))


OpenOutbox = Callable[[Callable[[], None]], AbstractAsyncContextManager[Outbox]]


def _always_leased(open_outbox: OpenOutbox) -> OpenOutbox:
    async def yes() -> bool:
        return True

    @asynccontextmanager
    async def opened(wake: Callable[[], None]) -> AsyncIterator[Outbox]:
        async with open_outbox(wake) as outbox:
            vars(outbox)["take_lease"] = yes
            yield outbox

    return opened


@asynccontextmanager
async def setup(
    bootstrap: str, dsn: str, prefix: str, *, partitions: int = 3
) -> AsyncIterator[Setup]:
    kafka = KafkaSettings(
        bootstrap_servers=bootstrap,
        transactional_id=f"{prefix}relay",
        transaction_timeout=timedelta(seconds=3),
    )
    topic = f"{prefix}changed"
    database = await asyncpg.connect(dsn)
    try:
        lanes = await pin_lanes(database, topic, partitions)
        prepared = Setup(topic, kafka, PostgresSettings(dsn=SecretStr(dsn)), database, lanes)
        await prepared.create_topic()
        yield prepared
    finally:
        await database.close()


@asynccontextmanager
async def running(*relays: Relay) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for relay in relays:
            tasks.create_task(relay.run(stop))
        try:
            yield
        except BaseException as error:
            error.add_note("; ".join(f"{relay.status}" for relay in relays))
            raise
        finally:
            stop.set()


@asynccontextmanager
async def open_transaction(
    setup: Setup, partition: int, count: int, *, transactional_id: str | None = None
) -> AsyncIterator[AIOKafkaProducer]:
    """Give a producer, by default another life of the relay's own, that has sent but not committed.

    Its records claim to be of the right lane, from seq 1,000 on.
    """
    producer = AIOKafkaProducer(
        **setup.options,
        transactional_id=transactional_id or f"{setup.kafka.transactional_id}-{setup.topic}",
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        batch = producer.create_batch()
        for seq in range(1_000, 1_000 + count):
            marks = [("lane", b"%d" % setup.lanes[partition]), ("seq", b"%d" % seq)]
            assert batch.append(timestamp=None, key=None, value=b"", headers=marks)
        await (await producer.send_batch(batch, setup.topic, partition=partition))
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def process(setup: Setup, **fate: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a relay in a process of its own, in pages of 100 rows.

    fate: what becomes of it, FAILPOINT or DIE_AT_END.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *(str(Path(__file__).with_name("relay_process.py")), setup.topic),
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            **fate,
            "FULFILLMENT_KAFKA__BOOTSTRAP_SERVERS": setup.kafka.bootstrap_servers,
            "FULFILLMENT_KAFKA__TRANSACTIONAL_ID": setup.kafka.transactional_id,
            "FULFILLMENT_KAFKA__TRANSACTION_TIMEOUT": "PT3S",
            "FULFILLMENT_POSTGRES__DSN": setup.postgres.dsn.get_secret_value(),
        },
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def said(child: asyncio.subprocess.Process, line: str) -> bool:
    """Whether the process writes that line before it ends."""
    assert child.stdout is not None
    async with asyncio.timeout(DEADLINE):
        async for written in child.stdout:
            if written.decode().strip() == line:
                return True
    return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - the condition is of no asyncio object
            await asyncio.sleep(0.01)


async def committed(
    options: ClientOptions, topic: str, partitions: list[int]
) -> dict[int, list[Record]]:
    consumer = AIOKafkaConsumer(
        **options, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        ours = [TopicPartition(topic, partition) for partition in partitions]
        consumer.assign(ours)
        await consumer.seek_to_beginning(*ours)
        end = await consumer.end_offsets(ours)
        found: dict[int, list[Record]] = {partition: [] for partition in partitions}
        while any([await consumer.position(p) < end[p] for p in ours]):
            for partition, records in (await consumer.getmany(timeout_ms=100)).items():
                found[partition.partition] += records
        return found
    finally:
        await consumer.stop()


def seqs(records: list[Record]) -> list[int]:
    return [int(dict(record.headers)["seq"]) for record in records]


@asynccontextmanager
async def admin(options: ClientOptions) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(**options)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def configure(options: ClientOptions, topic: str, **configs: str) -> None:
    """Replace the topic's configuration; `max_message_bytes` stands for max.message.bytes."""
    wanted = {name.replace("_", "."): value for name, value in configs.items()}
    async with admin(options) as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, wanted)])


async def verify_partitions_of_transactions(options: ClientOptions, *, yes: bool) -> None:
    """Whether brokers refuse what is sent to a partition that is in no transaction: soon."""
    wanted = {"transaction.partition.verification.enable": str(yes).lower()}
    async with admin(options) as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", wanted)])


async def leave_hanging(setup: Setup, partition: int) -> None:
    """Send in a transaction of the relay's own, which has no partitions as far as Kafka knows."""
    async with asyncio.timeout(DEADLINE):
        while True:
            with suppress(InvalidTxnState):  # brokers still verify it
                return await _send_unannounced(setup, TopicPartition(setup.topic, partition))


async def _send_unannounced(setup: Setup, to: TopicPartition) -> None:
    producer = AIOKafkaProducer(
        **setup.options, transactional_id=f"{setup.kafka.transactional_id}-{setup.topic}"
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        vars(producer)["_txn_manager"].txn_partitions.add(to)
        await (await producer.send(to.topic, b"", partition=to.partition))
    finally:
        await producer.stop()

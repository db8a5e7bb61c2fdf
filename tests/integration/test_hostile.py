"""Every hostile record through the real broker, between good ones, to a worker of its own."""

import asyncio
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from acceptance.worker_process import WorkerProcess
from acceptance.workload import JOURNEY, Event, card_id, events
from acceptance.world import World, installed
from card_fulfillment.pipeline.batch import RecordClass
from card_number_samples import PUBLISHED, spellings
from hostile.card_data import ALLOWED, NUMBER
from hostile.case import SENT_AT, Case, Refusals
from hostile.corpus import CORPUS
from hostile.legal_text import TEXTS
from stack import Services

CARDS: Final = 140  # of seven events each: one after every hostile record
# Hostile records come to the first partition; a third of the good ones does, between them.
PARTITION: Final = 0
PARTITIONS: Final = 3
MOST_MEGABYTES: Final = 200
MOST_SECONDS_BEHIND: Final = 10.0

_DEAD_LETTERS: Final = 'SELECT topic, partition, "offset", reason, field_path FROM dead_letter'
_COUNTERS: Final = """
SELECT sum(applied + parked) AS taken, sum(duplicate) AS duplicate, sum(ignored) AS ignored,
       sum(quarantined) AS quarantined
FROM input_position WHERE topic = $1
"""
_TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
_PAYLOADS: Final = "SELECT value, key FROM dead_letter WHERE reason = 'card_data'"

# aiokafka's producer sends no record without both a key and a value.
SENDABLE: Final = [case for case in CORPUS if (case.key, case.value) != (None, None)]
Place = tuple[str, int, int]


@dataclass
class Sent:
    """cases: where each hostile record stands. ends: of every partition."""

    cases: dict[Place, Case] = field(default_factory=dict)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)


@dataclass
class Aftermath:
    world: World
    worker: WorkerProcess
    sent: Sent
    seconds_behind: float


async def send_all(world: World) -> Sent:
    producer = AIOKafkaProducer(
        bootstrap_servers=world.bootstrap, enable_idempotence=True, max_request_size=4_000_000
    )
    await producer.start()
    sent, noted = Sent(), []
    try:
        for case, event in zip_longest(SENDABLE, events(CARDS)):
            if case is not None:
                noted.append((case, await _send_case(producer, world.prefix, case)))
            if event is not None:
                noted.append((None, await _send_event(producer, world.prefix, event)))
        for case, acknowledged in noted:
            _note(sent, case, await acknowledged)
    finally:
        await producer.stop()
    return sent


async def _send_case(producer: AIOKafkaProducer, prefix: str, case: Case) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = await producer.send(
        prefix + case.topic,
        case.value,
        case.key,
        partition=PARTITION,
        timestamp_ms=SENT_AT,
        headers=list(case.headers),
    )
    return future


async def _send_event(producer: AIOKafkaProducer, prefix: str, event: Event) -> asyncio.Future[Any]:
    partition = int(event.key[-3:]) % PARTITIONS
    body = json.dumps(event.body).encode()
    future: asyncio.Future[Any] = await producer.send(
        prefix + event.topic, body, event.key.encode(), partition=partition
    )
    return future


def _note(sent: Sent, case: Case | None, where: Any) -> None:  # noqa: ANN401 - aiokafka's RecordMetadata
    partition = where.topic, where.partition
    sent.ends[partition] = max(sent.ends.get(partition, 0), where.offset + 1)
    if case is not None:
        sent.cases[*partition, where.offset] = case


@pytest.fixture
async def aftermath(
    stack: Services, dsn: str, prefix: str, tmp_path: Path
) -> AsyncIterator[Aftermath]:
    """Send all of it to a running worker, and wait until it has taken and published everything."""
    async with installed(World(stack.bootstrap, dsn, prefix, tmp_path)) as world:
        worker = world.worker()
        await world.until(lambda: world.is_up(worker), worker)
        sent = await send_all(world)
        clock = asyncio.get_running_loop().time
        began = clock()
        load = world.load()
        load.ends = sent.ends
        await world.until_drained(load, worker)
        yield Aftermath(world, worker, sent, clock() - began)


async def test_hostile_records_end_as_catalogued_and_cost_good_ones_nothing(
    aftermath: Aftermath,
) -> None:
    world, worker, sent = aftermath.world, aftermath.worker, aftermath.sent
    assert worker.running
    assert aftermath.seconds_behind < MOST_SECONDS_BEHIND
    assert _most_megabytes(worker.pid) < MOST_MEGABYTES
    assert await _refused(world) == {
        place: Counter(set(case.refusals)) for place, case in sent.cases.items() if case.refusals
    }
    for topic in {topic for topic, _ in sent.ends}:
        assert await _counted(world, topic) == _expected(sent, topic)
    published = [record async for record in _everything(world)]
    told = _journeys(record for record in published if record.topic == world.output)
    assert {card: told.get(card) for card in map(card_id, range(CARDS))} == {
        card_id(number): list(JOURNEY) for number in range(CARDS)
    }
    _assert_texts_are_as_they_were(published)
    assert _dead(published, world) == sum(len(set(c.refusals)) for c in sent.cases.values())
    assert await world.fetch(f"{_PAYLOADS} AND (value IS NOT NULL OR key IS NOT NULL)") == []
    logged = (world.directory / "worker.log").read_bytes()
    assert b"Traceback" not in logged
    _assert_no_card_numbers("the log", logged)
    tables = await _tables(world)
    assert ALLOWED.encode() in _bare(tables["card"]), "what is no card data would be found"
    for table, rows in tables.items():
        _assert_no_card_numbers(table, rows)
    _assert_no_card_numbers("what is published", b"\n".join(map(_bytes_of, published)))


async def _refused(world: World) -> Mapping[Place, Counter[tuple[str, str]]]:
    found: defaultdict[Place, Counter[tuple[str, str]]] = defaultdict(Counter)
    for topic, partition, offset, reason, path in await world.fetch(_DEAD_LETTERS):
        found[topic, partition, offset][reason, path] += 1
    return found


async def _counted(world: World, topic: str) -> Counter[str]:
    (row,) = await world.fetch(_COUNTERS, topic)
    return Counter({name: int(count) for name, count in row.items()})


def _expected(sent: Sent, topic: str) -> Counter[str]:
    """Good ones are taken; whether at once depends on how the topics lie to each other."""
    cases = [case for (of, *_), case in sent.cases.items() if of == topic]
    expected = Counter({"taken": 0, "duplicate": 0, "ignored": 0, "quarantined": 0})
    for case in cases:
        at_once = case.became in (RecordClass.APPLIED, RecordClass.PARKED)
        expected["taken" if at_once else case.became.value] += 1
    records = sum(end for (of, _), end in sent.ends.items() if of == topic)
    expected["taken"] += records - len(cases)
    return expected


async def _everything(world: World) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
    """All records of both output topics."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=world.bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        topics = (world.output, f"{world.prefix}fulfillment-dead-letter")
        partitions = [TopicPartition(t, p) for t in topics for p in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(p) < ends[p] for p in partitions]):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()


def _journeys(records: Iterable[ConsumerRecord[bytes, bytes]]) -> Mapping[str, list[str]]:
    """By card, each status once; and every card's versions are 1, 2, 3 …."""
    told: defaultdict[str, list[str]] = defaultdict(list)
    versions: defaultdict[str, list[int]] = defaultdict(list)
    for record in records:
        event = json.loads(record.value or b"")
        versions[event["card_id"]].append(event["version"])
        if event["change"] != "update":
            told[event["card_id"]].append(event["fulfillment_status"])
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    return told


def _assert_texts_are_as_they_were(published: Iterable[ConsumerRecord[bytes, bytes]]) -> None:
    told = [json.loads(record.value or b"") for record in published]
    found = {event.get("card_id"): event for event in told}
    for name, text in TEXTS.items():
        event = found[f"hostile/text/{name.replace(' ', '-')}"]
        assert event["labels"]["text"] == text


def _dead(published: Iterable[ConsumerRecord[bytes, bytes]], world: World) -> int:
    return sum(record.topic != world.output for record in published)


async def _tables(world: World) -> Mapping[str, bytes]:
    """The rows of every table, byte for byte."""
    connection = await asyncpg.connect(world.dsn)
    try:
        dumped = {}
        for (table,) in await connection.fetch(_TABLES):
            rows = io.BytesIO()
            await connection.copy_from_table(table, output=rows, format="binary")
            dumped[table] = rows.getvalue()
    finally:
        await connection.close()
    assert {"fact", "change", "dead_letter", "card", "input_position"} <= set(dumped)
    return dumped


def _bytes_of(record: ConsumerRecord[bytes, bytes]) -> bytes:
    headers = b" ".join(name.encode() + b"=" + value for name, value in record.headers)
    return b" ".join((record.key or b"", headers, record.value or b""))


def _assert_no_card_numbers(where: str, data: bytes) -> None:
    """Neither digits, whatever is between them, nor any spelling in which one was sent."""
    bare = _bare(data)
    for number in PUBLISHED:
        assert number.encode() not in bare, f"{number} is in {where}"
    for name, spelt in spellings(NUMBER).items():
        assert spelt.encode() not in data, f"{NUMBER} ({name}) is in {where}"


def _bare(data: bytes) -> bytes:
    return data.translate(None, b" -._+/")


def _most_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def test_the_catalogue_fits_between_the_good_records() -> None:
    assert len(CORPUS) <= CARDS * len(JOURNEY)
    assert all(isinstance(case.refusals, tuple) for case in CORPUS)
    catalogued: list[Refusals] = [c.refusals for c in CORPUS if c.became is RecordClass.QUARANTINED]
    assert all(catalogued)

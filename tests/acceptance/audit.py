"""The output topic from outside, as a subscriber sees it: what must hold, and what does not.

Reads with isolation read_committed and asks neither the worker nor its database.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic

from .workload import JOURNEY, card_id

_POLL_MS: Final = 100
_BEHIND_THE_LAST: Final = 8  # markers of transactions may follow the last record
Partition = tuple[str, int]


class Published(NamedTuple):
    """One record of the output; `seq` and `lane` are its headers, `event` its value."""

    partition: int
    lane: int
    seq: int
    key: str
    event: dict[str, Any]


async def read_output(bootstrap: str, topic: str) -> list[Published]:
    """Everything committed until now, in the order of each partition."""
    async with _consumer(bootstrap) as consumer:
        partitions = await _partitions(bootstrap, [topic])
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        end = await consumer.end_offsets(partitions)
        found: list[Published] = []
        while any([await consumer.position(p) < end[p] for p in partitions]):
            for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                found += map(_published, records)
        return found


async def last_seqs(bootstrap: str, topic: str) -> Mapping[int, int]:
    """The seq of the last record that is committed in each partition that has any."""
    partitions = await _partitions(bootstrap, [topic])
    async with _consumer(bootstrap) as consumer:
        consumer.assign(partitions)
        end = await consumer.end_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, max(0, end[partition] - _BEHIND_THE_LAST))
        found: dict[int, int] = {}
        while any([await consumer.position(p) < end[p] for p in partitions]):
            for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                found |= {r.partition: r.seq for r in map(_published, records[-1:])}
        return found


async def record_counts(bootstrap: str, topics: Collection[str]) -> Mapping[Partition, int]:
    """How many records each partition holds, where no transaction ever wrote to it."""
    async with _consumer(bootstrap) as consumer:
        partitions = await _partitions(bootstrap, topics)
        first = await consumer.beginning_offsets(partitions)
        end = await consumer.end_offsets(partitions)
        return {(p.topic, p.partition): end[p] - first[p] for p in partitions}


async def open_transactions(bootstrap: str, topic: str) -> list[int]:
    """The partitions whose end a subscriber cannot see yet."""
    partitions = await _partitions(bootstrap, [topic])
    async with _consumer(bootstrap, "read_uncommitted") as everything:
        written = await everything.end_offsets(partitions)
    async with _consumer(bootstrap) as committed:
        stable = await committed.end_offsets(partitions)
    return [p.partition for p in partitions if stable[p] < written[p]]


async def group_is_shared(bootstrap: str, group: str, members: int) -> bool:
    """Whether a consumer group has come to rest with that many members."""
    async with _admin(bootstrap) as admin:
        (response,) = await admin.describe_consumer_groups([group])
    (found,) = response.to_object()["groups"]
    return found["state"] == "Stable" and len(found["members"]) == members


async def make_again(bootstrap: str, topic: str, partitions: int) -> None:
    """Delete a topic and make an empty one of the same name."""
    await delete(bootstrap, topic)
    async with _admin(bootstrap) as admin:
        await admin.create_topics([NewTopic(topic, partitions, 1)])


async def delete(bootstrap: str, topic: str) -> None:
    """Return when it is gone."""
    async with _admin(bootstrap) as admin:
        await admin.delete_topics([topic])
        async with asyncio.timeout(30):
            while topic in await admin.list_topics():  # noqa: ASYNC110 - nothing tells us
                await asyncio.sleep(0.05)


async def give_partitions(bootstrap: str, topic: str, partitions: int) -> None:
    """So many in all, from some moment soon on."""
    async with _admin(bootstrap) as admin:
        await admin.create_partitions({topic: NewPartitions(partitions)})


@asynccontextmanager
async def _consumer(
    bootstrap: str, isolation: Literal["read_committed", "read_uncommitted"] = "read_committed"
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level=isolation,
        enable_auto_commit=False,
        fetch_max_wait_ms=_POLL_MS,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def live(bootstrap: str, topic: str) -> AsyncIterator[AsyncIterator[list[Published]]]:
    """Subscribe to a topic from its beginning; gives what comes, as it comes."""
    partitions = await _partitions(bootstrap, [topic])
    async with _consumer(bootstrap) as consumer:
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        yield _coming(consumer)


async def _coming(consumer: AIOKafkaConsumer) -> AsyncIterator[list[Published]]:
    while True:
        for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
            yield [_published(record) for record in records]


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def _partitions(bootstrap: str, topics: Collection[str]) -> list[TopicPartition]:
    async with _admin(bootstrap) as admin:
        return [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in await admin.describe_topics(list(topics))
            for partition in topic["partitions"]
        ]


def _published(record: ConsumerRecord[bytes, bytes]) -> Published:
    headers = dict(record.headers)
    return Published(
        record.partition,
        int(headers["lane"]),
        int(headers["seq"]),
        (record.key or b"").decode(),
        json.loads(record.value or b"null"),
    )


def anomalies(output: Iterable[Published], cards: Collection[int]) -> list[str]:
    """One sentence for each thing that a subscriber should never see. `cards`: all, only these."""
    seen = list(output)
    return [*continuity_anomalies(seen), *_journey_anomalies(seen, cards)]


def continuity_anomalies(output: Sequence[Published]) -> list[str]:
    """What is missing, repeated, out of order or misplaced, whatever it says."""
    return [*_lane_anomalies(output), *_version_anomalies(output), *_identity_anomalies(output)]


def _lane_anomalies(output: Iterable[Published]) -> Iterable[str]:
    seqs: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for record in output:
        seqs[record.partition, record.lane].append(record.seq)
    lanes = Counter(partition for partition, _ in seqs)
    yield from (f"partition {p} has {n} lanes" for p, n in lanes.items() if n > 1)
    for (partition, _), found in seqs.items():
        yield from _not_counting_up(f"partition {partition}, seq", found)


def _version_anomalies(output: Iterable[Published]) -> Iterable[str]:
    versions: defaultdict[str, list[int]] = defaultdict(list)
    for record in output:
        versions[record.key].append(record.event["version"])
    for key, found in versions.items():
        yield from _not_counting_up(f"{key}, version", found)


def _not_counting_up(what: str, found: list[int]) -> Iterable[str]:
    """Tell what is repeated, missing or out of order in what should be 1, 2, 3 and so on."""
    if found == list(range(1, len(found) + 1)):
        return
    repeated = [number for number, times in Counter(found).items() if times > 1]
    missing = sorted(set(range(1, max(found) + 1)).difference(found))
    yield (
        f"{what}: repeated {repeated[:5]}, missing {missing[:5]}, "
        f"{'in' if found == sorted(found) else 'out of'} order"
    )


def _identity_anomalies(output: Iterable[Published]) -> Iterable[str]:
    times = Counter(record.event["event_id"] for record in output)
    yield from (f"event id {i} came {n} times" for i, n in times.items() if n > 1)
    for record in output:
        if UUID(record.event["event_id"]).version != 5:
            yield f"event id {record.event['event_id']} is not one that a name gives"
        subject = record.event["card_id"] or record.event["bulk_issuance_id"]
        if record.key != subject:
            yield f"{subject} was published under the key {record.key}"


def _journey_anomalies(output: Iterable[Published], cards: Collection[int]) -> Iterable[str]:
    journeys: defaultdict[str, list[str]] = defaultdict(list)
    for record in output:
        if record.event["change"] != "update":
            journeys[record.event["card_id"]].append(record.event["fulfillment_status"])
    expected = {card_id(number) for number in cards}
    yield from (f"{card} is none of ours" for card in journeys.keys() - expected)
    for card in sorted(expected):
        if journeys[card] != list(JOURNEY):
            yield f"{card} went {' '.join(journeys[card]) or 'nowhere'}"

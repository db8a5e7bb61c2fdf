"""What a doctor looks at in Kafka; it changes nothing and joins no group."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupCoordinatorNotAvailableError, TopicAuthorizationFailedError

from card_fulfillment.kafka.connection import ClientOptions
from card_fulfillment.pipeline.batch import Partition

_READ_MS: Final = 2000
_GROUPS: Final = 0
_TRANSACTIONS: Final = 1
_TRIES: Final = 20
_BETWEEN_TRIES: Final = 0.25


class TopicSeen(NamedTuple):
    """replicas: of the partition that has the fewest. leaderless, lagging: how many partitions."""

    partitions: int
    replicas: int
    leaderless: int
    lagging: int


class Member(NamedTuple):
    client: str
    host: str
    partitions: int


class GroupSeen(NamedTuple):
    state: str
    members: Sequence[Member]


class Ends(NamedTuple):
    """first: the offset that the log begins with. end: after the last record that can be read."""

    first: int
    end: int


class Read(NamedTuple):
    """unreadable: topics that we may not read. newest: timestamps, seconds, of last records."""

    ends: Mapping[Partition, Ends]
    unreadable: Collection[str]
    newest: Mapping[str, float]


class KafkaExaminer:
    """Every method raises KafkaError and has no deadline of its own."""

    def __init__(self, options: ClientOptions, admin: AIOKafkaAdminClient) -> None:
        self._options, self._admin = options, admin

    async def brokers(self) -> int:
        return len((await self._admin.describe_cluster())["brokers"])

    async def topics(self, names: Collection[str]) -> dict[str, TopicSeen]:
        return {
            topic["topic"]: _topic_seen(topic["partitions"])
            for topic in await self._admin.describe_topics()
            if topic["topic"] in names
        }

    async def group(self, group_id: str) -> GroupSeen:
        node = await self._coordinator(group_id, _GROUPS)
        (response,) = await self._admin.describe_consumer_groups([group_id], node)
        (group,) = response.to_object()["groups"]
        return GroupSeen(group["state"], [_member(each) for each in group["members"]])

    async def transactions(self, transactional_id: str) -> None:
        """Ask who coordinates them: needs the right to describe the id, and fences nobody."""
        await self._coordinator(transactional_id, _TRANSACTIONS)

    async def _coordinator(self, name: str, kind: int) -> int:
        """A new Kafka makes the topics that it keeps them in when it is first asked."""
        for _ in range(_TRIES):
            with suppress(GroupCoordinatorNotAvailableError):
                return await self._admin.find_coordinator(name, kind)
            await asyncio.sleep(_BETWEEN_TRIES)
        return await self._admin.find_coordinator(name, kind)

    async def read(self, topics: Mapping[str, int]) -> Read:
        """The ends of topics with so many partitions, and a last record of those that have any."""
        tps = [TopicPartition(name, p) for name, count in topics.items() for p in range(count)]
        consumer = AIOKafkaConsumer(
            **self._options,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
        )
        await consumer.start()
        try:
            firsts = await consumer.beginning_offsets(tps)
            ends = await consumer.end_offsets(tps)
            found = {Partition(*tp): Ends(firsts[tp], ends[tp]) for tp in tps}
            consumer.assign(tps)
            for tp in tps:
                consumer.seek(tp, max(firsts[tp], ends[tp] - 1))
            return await _last_records(consumer, found)
        finally:
            await consumer.stop()


async def _last_records(consumer: AIOKafkaConsumer, ends: Mapping[Partition, Ends]) -> Read:
    newest: dict[str, float] = {}
    try:
        for tp, records in (await consumer.getmany(timeout_ms=_READ_MS)).items():
            for record in records:
                newest[tp.topic] = max(newest.get(tp.topic, 0.0), record.timestamp / 1000)
    except TopicAuthorizationFailedError as error:
        return Read(ends, sorted(map(str, error.args[0])), newest)
    return Read(ends, (), newest)


def _topic_seen(partitions: Sequence[Mapping[str, Any]]) -> TopicSeen:
    return TopicSeen(
        partitions=len(partitions),
        replicas=min((len(p["replicas"]) for p in partitions), default=0),
        leaderless=sum(p["leader"] < 0 for p in partitions),
        lagging=sum(len(p["isr"]) < len(p["replicas"]) for p in partitions),
    )


def _member(member: Mapping[str, Any]) -> Member:
    taken = 0
    if member["member_assignment"]:
        decoded = ConsumerProtocolMemberAssignment.decode(member["member_assignment"])
        taken = sum(len(partitions) for _, partitions in decoded.assignment)
    return Member(member["client_id"], member["client_host"].lstrip("/"), taken)


@asynccontextmanager
async def examiner(options: ClientOptions) -> AsyncIterator[KafkaExaminer]:
    admin = AIOKafkaAdminClient(**options)
    try:
        await admin.start()
        yield KafkaExaminer(options, admin)
    finally:
        await admin.close()

"""Topics: creating what is missing, and saying in sentences what is not as it should be."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code

from card_fulfillment.kafka.connection import ClientOptions, raise_refusal

_VISIBLE_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True)
class TopicPlan:
    """A topic as it should be. `replication_factor` -1 is the broker's default.

    `partitions_fixed=False` for a topic that belongs to somebody else: the number is only what it
    is created with where it is missing.
    """

    name: str
    partitions: int
    configs: Mapping[str, str] = field(default_factory=dict)
    replication_factor: int = -1
    partitions_fixed: bool = True


def output_configs(retention_ms: int) -> Mapping[str, str]:
    """Say what an output topic is created with and held to; a retention of -1 is for ever."""
    return {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(retention_ms),
    }


async def ensure_topics(
    options: ClientOptions, plans: Sequence[TopicPlan], *, check_only: bool
) -> list[str]:
    """Create the topics that are missing, unless `check_only`; existing ones are never changed.

    Returns a sentence for everything that is not as planned afterwards. Raises KafkaError or
    OSError where no broker answers.
    """
    async with _admin(options) as admin:
        found = await _partition_counts(admin)
        missing = [plan for plan in plans if plan.name not in found]
        if check_only:
            findings = [f"topic {plan.name} is missing" for plan in missing]
        else:
            findings = await _create(admin, missing)
            found = await _visible(admin, {plan.name for plan in missing}, but=len(findings))
        existing = [plan for plan in plans if plan.name in found]
        findings += _wrong_partitions(existing, found)
        return findings + await _wrong_configs(admin, existing)


async def partition_count(options: ClientOptions, topic: str) -> int | None:
    """How many partitions a topic has, None without the topic; asking never creates it."""
    async with _admin(options) as admin:
        return (await _partition_counts(admin)).get(topic)


@asynccontextmanager
async def _admin(options: ClientOptions) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**options)
    try:
        try:
            await admin.start()
        except KafkaError:
            await raise_refusal(options)
            raise
        yield admin
    finally:
        await admin.close()


async def _partition_counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    # All topics: asking by name creates the topic on a broker that is configured so.
    return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


async def _create(admin: AIOKafkaAdminClient, plans: Sequence[TopicPlan]) -> list[str]:
    if not plans:
        return []
    response = await admin.create_topics([_new_topic(plan) for plan in plans])
    return [
        f"topic {error['topic']} could not be created: "
        + (error["error_message"] or for_code(error["error_code"]).__name__)
        for error in response.to_object()["topic_errors"]
        if for_code(error["error_code"]) not in (NoError, TopicAlreadyExistsError)
    ]


def _new_topic(plan: TopicPlan) -> NewTopic:
    topic = NewTopic(plan.name, plan.partitions, 1, topic_configs=dict(plan.configs))
    topic.replication_factor = plan.replication_factor  # its constructor refuses -1
    return topic


async def _visible(admin: AIOKafkaAdminClient, names: set[str], *, but: int) -> dict[str, int]:
    """Wait until the brokers know the topics just created, all but the failed ones."""
    async with asyncio.timeout(_VISIBLE_SECONDS):
        while len(names - (found := await _partition_counts(admin)).keys()) > but:  # noqa: ASYNC110 - nothing tells us
            await asyncio.sleep(_POLL_SECONDS)
    return found


def _wrong_partitions(plans: Sequence[TopicPlan], found: Mapping[str, int]) -> list[str]:
    return [
        f"topic {plan.name} has {found[plan.name]} partitions, {plan.partitions} are wanted"
        for plan in plans
        if plan.partitions_fixed and found[plan.name] != plan.partitions
    ]


async def _wrong_configs(admin: AIOKafkaAdminClient, plans: Sequence[TopicPlan]) -> list[str]:
    wanted = {plan.name: plan.configs for plan in plans if plan.configs}
    asked = [
        ConfigResource(ConfigResourceType.TOPIC, name, dict(configs))
        for name, configs in wanted.items()
    ]
    responses = await admin.describe_configs(asked) if asked else []
    return [
        f"topic {name} has {key}={value}, {wanted[name][key]} is wanted"
        for response in responses
        for resource in response.to_object()["resources"]
        for name, key, value in _entries(resource)
        if value != wanted[name][key]
    ]


def _entries(resource: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    name = resource["resource_name"]
    if resource["error_code"]:
        kind = for_code(resource["error_code"])
        reason = resource["error_message"] or kind.__name__
        raise kind(f"the configuration of topic {name} is not shown: {reason}")
    for entry in resource["config_entries"]:
        yield name, entry["config_names"], entry["config_value"]

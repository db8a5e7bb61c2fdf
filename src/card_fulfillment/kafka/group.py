"""The consumer of the group that all workers share, set up as the intake needs it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    NotLeaderForPartitionError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.fetch import FetchRequest

from card_fulfillment.kafka.connection import ClientOptions

POLL_MS: Final = 500
"""How long Kafka may wait for the first record of a fetch."""

# A response is taken whole, so that the next one is fetched meanwhile: these bound its memory.
_PARTITION_BYTES: Final = 96 * 1024
_RESPONSE_BYTES: Final = 1536 * 1024
# How late a topic that was made again, or that has more partitions, may be noticed.
_LOOKS_AT_TOPICS_EVERY_MS: Final = 10_000
_NEVER_MS: Final = 24 * 3600 * 1000  # the group must not drop us because the database is away
_METADATA_APART: Final = 0.1
# What a fetch is answered where a topic is deleted under it, among other things.
_MAY_BE_ANOTHER: Final = {NotLeaderForPartitionError.errno, UnknownTopicOrPartitionError.errno}


@dataclass(frozen=True, slots=True)
class GroupOptions:
    group_id: str
    session_timeout_ms: int


def group_consumer(
    options: ClientOptions, group: GroupOptions, on_another: Callable[[], None]
) -> AIOKafkaConsumer:
    """It commits nothing by itself and is never dropped for being slow.

    on_another: called where a partition may be another one of the same name from now on.
    """
    consumer = AIOKafkaConsumer(
        **options,
        group_id=group.group_id,
        session_timeout_ms=group.session_timeout_ms,
        heartbeat_interval_ms=group.session_timeout_ms // 4,
        rebalance_timeout_ms=max(group.session_timeout_ms, 10_000),
        max_poll_interval_ms=_NEVER_MS,
        metadata_max_age_ms=_LOOKS_AT_TOPICS_EVERY_MS,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        max_partition_fetch_bytes=_PARTITION_BYTES,
        fetch_max_bytes=_RESPONSE_BYTES,
        fetch_max_wait_ms=POLL_MS,
    )
    _pace_metadata(consumer)
    _tell_of_another(consumer, on_another)
    return consumer


def rejoin_after(error: Exception, consumer: AIOKafkaConsumer) -> None:
    """Where aiokafka sends no heartbeats any more, and so never learns that it was dropped."""
    if type(error) in {GroupAuthorizationFailedError, KafkaError}:
        vars(consumer)["_coordinator"].request_rejoin()


def is_member(consumer: AIOKafkaConsumer) -> bool:
    """Whether the group counts on it: not while the group shares out anew, or has no coordinator.

    aiokafka sends heartbeats as long as it takes itself for a member, and tells nobody.
    """
    coordinator = vars(consumer)["_coordinator"]
    if coordinator is None or coordinator.coordinator_id is None:
        return False  # not begun yet, or nobody to be a member with
    heartbeats: asyncio.Task[None] | None = vars(coordinator)["_heartbeat_task"]
    return heartbeats is not None and not heartbeats.done()


def _tell_of_another(consumer: AIOKafkaConsumer, on_another: Callable[[], None]) -> None:
    """A topic made again at once has its old number of partitions: the group hears of nothing."""
    client = vars(consumer)["_client"]
    send: Callable[..., Awaitable[Any]] = client.send

    async def told(node_id: int, request: object, **more: object) -> Any:  # noqa: ANN401 - aiokafka's
        response = await send(node_id, request, **more)
        if isinstance(request, FetchRequest):
            codes = {code for _, found in response.topics for _, code, *_ in found}
            if codes & _MAY_BE_ANOTHER:
                on_another()
        return response

    vars(client)["send"] = told


def _pace_metadata(consumer: AIOKafkaConsumer) -> None:
    """While a partition has no leader aiokafka asks for one without a pause, and burns a core."""
    client = vars(consumer)["_client"]
    update: Callable[..., Awaitable[bool]] = client._metadata_update  # noqa: SLF001 - the only way
    free_at = 0.0

    async def paced(*arguments: object) -> bool:
        nonlocal free_at
        await asyncio.sleep(free_at - time.monotonic())
        try:
            return await update(*arguments)
        finally:
            free_at = time.monotonic() + _METADATA_APART

    vars(client)["_metadata_update"] = paced

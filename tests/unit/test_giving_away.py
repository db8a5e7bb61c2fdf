"""Partitions that go to another worker: what is in hand ends first, and Kafka hears no more."""

import asyncio
from unittest.mock import AsyncMock, patch

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from virtual_time import run_virtually

from card_fulfillment.kafka.connection import client_options
from card_fulfillment.kafka.consumer import InputSource
from card_fulfillment.kafka.group import GroupOptions
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.settings import KafkaSettings
from positions_in_memory import SharedPositions

_KEPT, _GIVEN = Partition("topic", 0), Partition("topic", 1)


def source() -> InputSource:
    positions = SharedPositions([_KEPT, _GIVEN]).of("one")
    options, group = client_options(KafkaSettings()), GroupOptions("group", 6000)
    return InputSource(options, group, ["topic"], positions, 10)


@pytest.mark.parametrize(("takes", "waited"), [(0, 0), (2, 2), (60, 3)])
def test_what_is_in_hand_may_end_before_they_are_given_away_but_not_for_long(
    takes: float, waited: float
) -> None:
    async def story() -> float:
        gives = source()

        async def apply() -> None:
            async with gives.holding():
                await asyncio.sleep(takes)

        applying = asyncio.create_task(apply())
        await asyncio.sleep(0)
        await gives.on_partitions_revoked([])
        gave_at = asyncio.get_running_loop().time()
        await applying
        await gives.stop()
        return gave_at

    assert run_virtually(story()) == waited


async def test_kafka_is_told_how_far_those_are_that_are_kept_and_of_no_others() -> None:
    keeps = source()
    await keeps.on_partitions_assigned([TopicPartition(*_KEPT)])
    keeps.applied({_KEPT: 5, _GIVEN: 7})
    with patch.object(AIOKafkaConsumer, "commit", AsyncMock()) as commit:
        await keeps.stop()
    commit.assert_awaited_once_with({TopicPartition(*_KEPT): 5})

"""What the group's consumer does otherwise than aiokafka's own."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

from card_fulfillment.kafka import group


async def test_leaders_are_asked_for_ten_times_a_second_at_most() -> None:
    asked: list[tuple[float, str]] = []

    async def update(topic: str) -> bool:
        asked.append((time.monotonic(), topic))
        return False

    client: Any = SimpleNamespace(_metadata_update=update)
    consumer: Any = SimpleNamespace(_client=client)
    group._pace_metadata(consumer)
    for topic in "abc":
        assert await client._metadata_update(topic) is False
    (first, _), (second, _), (third, _) = asked
    assert min(second - first, third - second) >= 0.1
    assert [topic for _, topic in asked] == ["a", "b", "c"]
    await asyncio.sleep(0.1)
    before = time.monotonic()
    await client._metadata_update("d")
    assert time.monotonic() - before < 0.09

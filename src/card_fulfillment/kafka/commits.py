"""Telling Kafka how far records are applied, for lag monitors only: nothing of ours reads it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiokafka import TopicPartition

from card_fulfillment.pipeline.batch import Partition

_EVERY: Final = 1.0
_WITHIN: Final = 5.0


class Commits:
    """What could not be told is told with what comes next. tell: may raise anything."""

    def __init__(self, tell: Callable[[Mapping[TopicPartition, int]], Awaitable[None]]) -> None:
        self._tell = tell
        self._untold: dict[TopicPartition, int] = {}
        self._telling: asyncio.Task[None] | None = None

    def add(self, positions: Mapping[Partition, int]) -> None:
        self._untold |= {TopicPartition(*p): offset for p, offset in positions.items()}

    def begin(self) -> None:
        """Tell each second what there is."""
        self._telling = asyncio.create_task(self._now_and_then())

    async def end(self) -> None:
        """Tell what is left, within seconds."""
        if self._telling is not None:
            self._telling.cancel()
        await self._once()

    async def _now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self._once()

    async def _once(self) -> None:
        untold, self._untold = self._untold, {}
        try:
            async with asyncio.timeout(_WITHIN):
                await self._tell(untold)
        except Exception:  # noqa: BLE001 - nobody's work hangs on it
            self._untold = untold | self._untold

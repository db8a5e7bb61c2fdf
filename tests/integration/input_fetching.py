"""Fetching from input topics without a database."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from card_fulfillment.kafka.consumer import InputSource
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.intake_ports import Fetched, SourceUnavailable
from card_fulfillment.pipeline.positions import LastRecord, Position, Taken, record_digest

ALL: Final = 10_000


class UnstoredPositions:
    """Positions that nobody stores: each search begins where the topic does."""

    def __init__(self) -> None:
        self._begun: dict[Partition, Position] = {}

    async def load(self, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        return {p: self._begun[p] for p in partitions if p in self._begun}

    async def begin(self, offsets: Mapping[Partition, int]) -> None:
        self._begun |= {p: Position(offset, None) for p, offset in offsets.items()}

    async def take(self, partitions: Collection[Partition]) -> Mapping[Partition, Taken]:
        positions = await self.load(partitions)
        return {p: Taken(position, 1, in_hand=None) for p, position in positions.items()}

    async def hold(self, last: Mapping[Partition, int], *, alone: bool) -> int | None:
        raise AssertionError(f"{last}, {alone}: nothing is in doubt")

    async def let_go(self) -> None:
        raise AssertionError("nothing is in doubt")

    async def trust(self) -> None:
        raise AssertionError("nothing is in doubt")

    def move_behind(self, record: Record) -> None:
        last = LastRecord(record.offset, record.timestamp, record_digest(record))
        self._begun[Partition(record.topic, record.partition)] = Position(record.offset + 1, last)


class Fetching:
    """Everything that is fetched, in order, and when."""

    def __init__(self, source: InputSource) -> None:
        self.source = source
        self.fetches: list[Fetched] = []
        self.times: list[float] = []
        self.running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            try:
                fetched = await self.source.fetch(ALL)
            except SourceUnavailable:
                continue
            if fetched.records:
                self.fetches.append(fetched)
                self.times.append(time.monotonic())

    def has(self, count: int) -> Callable[[], bool]:
        return lambda: sum(len(fetched.records) for fetched in self.fetches) >= count


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.005)


async def ready(source: InputSource) -> None:
    """Fetch until the positions were sought, while the topic is empty."""
    await source.start()
    while not source.joined:
        await source.fetch(ALL)
    await source.fetch(ALL)


async def first_of(source: InputSource) -> list[int]:
    """The offsets of what comes next."""
    async with asyncio.timeout(30):
        while True:
            fetched = await source.fetch(ALL)
            if fetched.records:
                return [record.offset for record in fetched.records]

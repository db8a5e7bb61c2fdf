"""Input topics and a store of positions, and all that can go wrong between them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Final

from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Batch, Partition
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.intake_ports import Fetched, SourceUnavailable
from card_fulfillment.pipeline.ports import Contended, PositionLost, StoreUnavailable

PARTITIONS: Final = [Partition(topic, number) for topic in "ab" for number in range(4)]
MOST: Final = 1200
_POLL: Final = 0.5


class Installation:
    """Topics, a store of positions, and all that can go wrong between them.

    trouble: how often of a hundred times something fails.
    """

    def __init__(self, rng: Random, records: int, *, trouble: int = 0) -> None:
        self.rng, self.trouble = rng, trouble
        self.ends = dict.fromkeys(PARTITIONS, 0)
        for partition in rng.choices(PARTITIONS, k=records):
            self.ends[partition] += 1
        self.stored = dict.fromkeys(PARTITIONS, 0)
        self.taken: dict[Partition, list[int]] = {partition: [] for partition in PARTITIONS}
        self.sizes: list[int] = []
        self.at_work: Counter[Partition] = Counter()
        self.transactions = self.side_by_side = 0
        self.told: Counter[str] = Counter()
        self.begun, self.stop = asyncio.Event(), asyncio.Event()
        self._next: dict[Partition, int] | None = None
        self._assignment = 0

    @property
    def is_done(self) -> bool:
        return self.stored == self.ends

    def fails(self) -> bool:
        return self.rng.randrange(100) < self.trouble

    # The source.

    async def fetch(self, most: int) -> Fetched:
        assert most > 0
        await self.pass_time()
        if self.fails():
            raise SourceUnavailable
        if self._next is None:
            self._next = dict(self.stored)
        here = self._next
        records: list[Record] = []
        starts: dict[Partition, int] = {}
        for partition in self.rng.sample(PARTITIONS, len(PARTITIONS)):
            first, end = here[partition], self.ends[partition]
            count = min(self.rng.randrange(400), end - first, most - len(records))
            if count > 0:
                starts[partition] = first
                records += [_record(partition, o) for o in range(first, first + count)]
                here[partition] += count
        if not records:
            await asyncio.sleep(_POLL)
        return Fetched(records, starts, self._assignment)

    def is_current(self, assignment: int) -> bool:
        return assignment == self._assignment

    def rewind(self) -> None:
        self._next = None
        self._assignment += 1

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        yield

    def applied(self, positions: Mapping[Partition, int]) -> None:
        assert all(self.stored[p] >= offset for p, offset in positions.items())

    # An applier.

    async def apply(self, batch: Batch, _now: int) -> Effects:
        self.at_work.update(list(batch.moves))
        once = all(self.at_work[partition] == 1 for partition in batch.moves)
        assert once, "a partition in two transactions at once"
        self.transactions += 1
        self.side_by_side = max(self.side_by_side, self.transactions)
        try:
            return await self._apply(batch)
        finally:
            self.transactions -= 1
            self.at_work.subtract(list(batch.moves))

    async def _apply(self, batch: Batch) -> Effects:
        await self.pass_time()
        if self.fails():
            raise self.rng.choice([Contended(), StoreUnavailable()])
        if self.fails():
            self._another_takes_some()
        if any(self.stored[p] != move.expected for p, move in batch.moves.items()):
            raise PositionLost
        for decoded in batch.decoded:
            partition = Partition(decoded.record.topic, decoded.record.partition)
            self.taken[partition].append(decoded.record.offset)
        self.stored |= {p: move.next_offset for p, move in batch.moves.items()}
        self.sizes.append(len(batch.decoded))
        self.begun.set()
        self._look_whether_it_is_done()
        return Effects()

    def _look_whether_it_is_done(self) -> None:
        if self.is_done:
            self.stop.set()

    def _another_takes_some(self) -> None:
        """Another instance, by mistake or after a pause of ours, was there first."""
        partition = self.rng.choice(PARTITIONS)
        here = self.stored[partition]
        end = min(here + self.rng.randrange(5), self.ends[partition])
        self.taken[partition] += range(here, end)
        self.stored[partition] = end
        self._look_whether_it_is_done()

    async def pass_time(self) -> None:
        await asyncio.sleep(self.rng.choice([0, 0, 0.001, 0.01]))

    # An observer.

    def batch_applied(self, _batch: Batch, _effects: Effects, _seconds: float) -> None:
        self.told["applied"] += 1

    def fetch_failed(self, _error: Exception, *, again_in: float) -> None:
        self.told["fetch"] += again_in > 0

    def batch_failed(self, _error: Exception, *, again_in: float) -> None:
        self.told["batch"] += again_in > 0

    def record_failed(self, _record: Record, error: Exception) -> None:
        self.told[type(error).__name__] += 1


def _record(partition: Partition, offset: int) -> Record:
    return Record(*partition, offset, 0, None, b"{}")


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - nothing secret

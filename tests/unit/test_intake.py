"""The intake between topics that are read anew and a store that fails: all of it once, in order."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Final
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from virtual_time import run_virtually

from card_fulfillment.messages.envelope import Record
from card_fulfillment.messages.pan_guard import PanGuard
from card_fulfillment.pipeline import intake
from card_fulfillment.pipeline.batch import Batch, Partition
from card_fulfillment.pipeline.decode import Decoder
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.intake import Intake
from card_fulfillment.pipeline.intake_ports import Fetched, SourceUnavailable
from card_fulfillment.pipeline.ports import Contended, PositionLost, StoreUnavailable

_PARTITIONS: Final = [Partition(topic, number) for topic in "ab" for number in range(4)]
_MOST: Final = 1200
_POLL: Final = 0.5


class Installation:
    """Topics, a store of positions, and all that can go wrong between them.

    trouble: how often of a hundred times something fails.
    """

    def __init__(self, rng: Random, records: int, *, trouble: int = 0) -> None:
        self.rng, self.trouble = rng, trouble
        self.ends = dict.fromkeys(_PARTITIONS, 0)
        for partition in rng.choices(_PARTITIONS, k=records):
            self.ends[partition] += 1
        self.stored = dict.fromkeys(_PARTITIONS, 0)
        self.taken: dict[Partition, list[int]] = {partition: [] for partition in _PARTITIONS}
        self.sizes: list[int] = []
        self.at_work: Counter[Partition] = Counter()
        self.side_by_side = 0
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
        for partition in self.rng.sample(_PARTITIONS, len(_PARTITIONS)):
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
        assert max(self.at_work.values()) == 1, "a partition in two transactions at once"
        self.side_by_side = max(self.side_by_side, sum(self.at_work.values()))
        try:
            return await self._apply(batch)
        finally:
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
        partition = self.rng.choice(_PARTITIONS)
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


def _record(partition: Partition, offset: int) -> Record:
    return Record(*partition, offset, 0, None, b"{}")


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - nothing secret


def intake_of(world: Installation) -> Intake:
    decoder = Decoder({"a": lambda _: (), "b": lambda _: ()}, PanGuard((), {}, 1000), 1000)
    return Intake(world, decoder, [world, world], lambda: 0, world)


async def taken_in(rng: Random, records: int, *, trouble: int = 0) -> Installation:
    world = Installation(rng, records, trouble=trouble)
    async with asyncio.timeout(3600):
        await intake_of(world).run(world.stop, _MOST)
    return world


@example(seed=13547, records=3106, trouble=30)  # what was fetched after a rewind was dropped
@given(st.integers(0, 2**32), st.integers(1, 8000), st.sampled_from([0, 0, 3, 30]))
def test_every_record_is_taken_once_and_in_the_order_of_its_partition(
    seed: int, records: int, trouble: int
) -> None:
    world = run_virtually(taken_in(seeded(seed), records, trouble=trouble))
    assert world.is_done
    for partition, offsets in world.taken.items():
        assert offsets == list(range(world.stored[partition]))


@given(st.integers(0, 2**32), st.integers(1, 8000), st.sampled_from([3, 30]))
def test_what_fails_slowly_is_applied_in_halves_once_and_in_order(
    seed: int, records: int, trouble: int
) -> None:
    with patch.object(intake, "_SLOW", -1.0):  # whatever fails
        world = run_virtually(taken_in(seeded(seed), records, trouble=trouble))
    assert world.is_done
    for partition, offsets in world.taken.items():
        assert offsets == list(range(world.stored[partition]))


@pytest.mark.parametrize(("slow", "most"), [(-1.0, 70), (3600.0, _MOST)])
def test_only_what_fails_after_a_long_time_is_cut(slow: float, most: int) -> None:
    """A batch that no server has the patience for would be tried for ever."""

    class Impatient(Installation):
        async def _apply(self, batch: Batch) -> Effects:
            if len(batch.decoded) > most:
                raise StoreUnavailable
            return await super()._apply(batch)

    async def story() -> Installation:
        world = Impatient(seeded(4), 3000)
        async with asyncio.timeout(3600):
            await intake_of(world).run(world.stop, _MOST)
        return world

    with patch.object(intake, "_SLOW", slow):
        world = run_virtually(story())
    assert world.is_done
    assert most / 2 < max(world.sizes) <= most


def test_a_backlog_is_applied_side_by_side_and_a_few_records_as_a_whole() -> None:
    backlog = run_virtually(taken_in(seeded(1), 20_000))
    assert backlog.side_by_side > len(_PARTITIONS) / 2
    assert max(backlog.sizes) <= _MOST
    few = run_virtually(taken_in(seeded(1), 400))
    assert sum(few.sizes) == 400
    assert min(few.sizes) > len(_PARTITIONS) / 4


def test_what_waits_for_its_turn_when_the_intake_stops_is_left_to_the_next_one() -> None:
    async def story() -> Installation:
        world = Installation(seeded(2), 20_000)
        running = asyncio.create_task(intake_of(world).run(world.stop, _MOST))
        await world.begun.wait()
        world.stop.set()
        before = len(world.sizes)
        await running
        assert not +world.at_work
        assert len(world.sizes) <= before + 2
        return world

    world = run_virtually(story())
    for partition, offsets in world.taken.items():
        assert offsets == list(range(world.stored[partition]))


def test_a_defect_ends_the_intake_with_its_error() -> None:
    class Broken(Installation):
        async def _apply(self, batch: Batch) -> Effects:
            raise ZeroDivisionError(len(batch.decoded))

    async def story() -> None:
        world = Broken(seeded(3), 100)
        await intake_of(world).run(world.stop, _MOST)

    with pytest.raises(ZeroDivisionError):
        run_virtually(story())

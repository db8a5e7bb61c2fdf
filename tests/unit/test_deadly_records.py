"""Who dies of which record, simulated: processes that come and go, and what they note in between.

What decides is the product's, but for the consumer; positions are as the database keeps them.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, cycle, islice, repeat
from typing import Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from card_fulfillment.kafka.caution import Caution
from card_fulfillment.kafka.incarnation import Extent
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Partition, last_records
from positions_in_memory import MemoryPositions, SharedPositions

_PARTITIONS: Final = [Partition("t", 0), Partition("t", 1)]
_RECORDS: Final = 800  # of both together
_MOST_IN_HAND: Final = 450
# The one at work, two that begin at the same place, one with others in hand beside the record, and
# two with it alone. What follows it is as far as the first one had come.
_MOST_DEATHS: Final = 6
# One that is killed, and one that takes the rest of what it had in hand together again.
_DEATHS_OF_A_KILL: Final = 2


class Fate(NamedTuple):
    """What becomes of a process by itself, with the records of this turn in hand.

    applied: the share of these that it applies before.
    """

    kind: str
    turn: int
    applied: float


_LONG_LIFE: Final = Fate("stopped", 1_000_000, 0)


@dataclass
class World:
    """records: in the order in which they are fetched."""

    records: Sequence[Record]
    deadly: frozenset[Record]
    positions: SharedPositions = field(default_factory=lambda: SharedPositions(_PARTITIONS))
    quarantined: list[Record] = field(default_factory=list)
    deaths: int = 0
    # How often a search was interrupted where it had come down to one by one.
    interrupted: int = 0
    # How often a process ended in no order when it had the record alone in hand.
    alone: Counter[Record] = field(default_factory=Counter)

    def left(self) -> list[Record]:
        rows = self.positions.rows
        return [r for r in self.records if r.offset >= rows[_partition(r)].next_offset]

    def extents(self) -> Mapping[Partition, Extent]:
        ends = {p: record.offset + 1 for p, record in last_records(self.records).items()}
        return {p: Extent(0, ends.get(p, 0)) for p in _PARTITIONS}

    def apply(self, records: Sequence[Record]) -> None:
        for partition, record in last_records(records).items():
            self.positions.rows[partition].next_offset = record.offset + 1

    def die(self, in_hand: Sequence[Record], share: float) -> None:
        """Those before the first deadly one may be applied by then, and not all of them."""
        self.deaths += 1
        before = [i for i, record in enumerate(in_hand) if record in self.deadly]
        applied = int(min([*before, len(in_hand) - 1]) * share)
        self.apply(in_hand[:applied])
        if len(in_hand) == 1:
            self.alone.update(in_hand)

    async def live(self, fates: Sequence[Fate]) -> None:
        """One process after the other, until all is taken."""
        for number, fate in enumerate(chain(fates, repeat(_LONG_LIFE))):
            if not self.left():
                return
            await Process(self, self.positions.of(str(number)), fate).run()


class Process:
    """It has all partitions, and may get them anew."""

    def __init__(self, world: World, positions: MemoryPositions, fate: Fate) -> None:
        self._world, self._positions, self._fate = world, positions, fate
        self._caution = Caution(positions, _MOST_IN_HAND)

    async def run(self) -> None:
        await self._seek()
        turn = 0
        while left := self._world.left():
            turn += 1
            first, deadly = await self._begun(left)
            if not deadly and not self._world.deadly.isdisjoint(first):
                self._world.die(first, self._fate.applied if self._caution.until else 0)
                return
            if turn == self._fate.turn and await self._meets_its_fate(first):
                return
            self._world.apply(first)
            self._world.quarantined += first if deadly else ()
            await self._end_doubts()

    async def _seek(self) -> None:
        taken = await self._positions.take(_PARTITIONS)
        self._caution.begin(taken, self._world.extents())

    async def _begun(self, left: Sequence[Record]) -> tuple[Sequence[Record], bool]:
        """What is in hand, and whether nobody is to read it."""
        if not self._caution.until:
            return left[:_MOST_IN_HAND], False
        first = self._caution.first_of(left, _MOST_IN_HAND)
        deadly = await self._caution.note(first)
        assert deadly is not None, "nobody else is there"
        return first, deadly

    async def _meets_its_fate(self, first: Sequence[Record]) -> bool:
        """Whether it ends; else it got its partitions anew."""
        if self._fate.kind == "killed":
            self._world.die(first, self._fate.applied)
            return True
        self._world.interrupted += len(first) == 1
        if self._caution.until:
            await self._positions.let_go()
        if self._fate.kind == "shared out":
            await self._seek()
        return self._fate.kind == "stopped"

    async def _end_doubts(self) -> None:
        left = {_partition(record): record.offset for record in reversed(self._world.left())}
        ends = self._caution.until.items()
        await self._caution.over([p for p, end in ends if left.get(p, end) >= end])


def _partition(record: Record) -> Partition:
    return Partition(record.topic, record.partition)


class Shape(NamedTuple):
    """lots: how many records come of one partition, then of the other, again and again.

    gaps: how far the next offset is, again and again. deadly: the places of these.
    """

    lots: Sequence[int]
    gaps: Sequence[int]
    deadly: Collection[int]


def world_of(shape: Shape) -> World:
    turns = chain.from_iterable(map(repeat, cycle(_PARTITIONS), cycle(shape.lots)))
    offsets, records = dict.fromkeys(_PARTITIONS, 0), []
    for partition, gap in zip(turns, islice(cycle(shape.gaps), _RECORDS), strict=False):
        offset = offsets[partition] = offsets[partition] + gap
        records.append(Record(*partition, offset, 0, None, None, ()))
    return World(records, frozenset(records[place] for place in shape.deadly))


shapes = st.builds(
    Shape,
    lots=st.lists(st.integers(1, 250), min_size=1, max_size=5),
    gaps=st.lists(st.sampled_from([1, 1, 1, 2, 40]), min_size=1, max_size=5),
    deadly=st.sets(st.integers(0, _RECORDS - 1), max_size=3),
)
peaceful = st.builds(
    Fate, st.sampled_from(["stopped", "shared out"]), st.integers(1, 9), st.just(0)
)
fates = st.builds(
    Fate,
    st.sampled_from(["killed", "stopped", "shared out"]),
    st.integers(1, 9),
    st.floats(0, 1, exclude_max=True),
)


@given(shape=shapes, fates=st.lists(fates, max_size=12))
def test_only_what_was_alone_in_hand_at_two_deaths_is_quarantined_and_all_that_is_deadly(
    shape: Shape, fates: list[Fate]
) -> None:
    world = world_of(shape)
    asyncio.run(world.live(fates))
    assert world.deadly <= set(world.quarantined)
    assert all(world.alone[record] >= 2 for record in world.quarantined)
    assert len(set(world.quarantined)) == len(world.quarantined)


@given(shape=shapes, fates=st.lists(peaceful, max_size=12))
def test_a_deadly_record_costs_few_deaths_wherever_it_stands_and_whoever_comes_and_goes(
    shape: Shape, fates: list[Fate]
) -> None:
    world = world_of(shape)
    asyncio.run(world.live(fates))
    assert set(world.quarantined) == world.deadly
    assert world.deaths <= _MOST_DEATHS * len(world.deadly) + world.interrupted


@given(shape=shapes, fates=st.lists(fates, max_size=6))
def test_whoever_is_killed_beside_deadly_records_costs_few_deaths_more(
    shape: Shape, fates: list[Fate]
) -> None:
    world = world_of(shape)
    asyncio.run(world.live(fates))
    kills = sum(fate.kind == "killed" for fate in fates)
    of_kills = _DEATHS_OF_A_KILL * kills + world.interrupted
    assert world.deaths <= _MOST_DEATHS * len(world.deadly) + of_kills

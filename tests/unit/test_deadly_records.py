"""Who dies of which record, simulated: positions in memory, and processes that come and go."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from card_fulfillment.kafka.caution import Caution
from card_fulfillment.kafka.incarnation import Extent
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Partition, last_records
from card_fulfillment.pipeline.positions import Position, Taken

_PARTITIONS: Final = [Partition("t", 0), Partition("t", 1)]
_RECORDS: Final = 400
_BATCH: Final = 150
_MOST_IN_HAND: Final = 2 * _BATCH
# The one at work, two that begin at the same place, one with others in hand beside the record, and
# two with it alone. What follows it is as far as the first one had come.
_MOST_DEATHS: Final = 6


class MemoryPositions:
    """As the database keeps them, of processes of which one at a time is there."""

    def __init__(self) -> None:
        self.next = dict.fromkeys(_PARTITIONS, 0)
        self._taken_from: dict[Partition, int] = {}
        self._takers: dict[Partition, int] = {}
        self._in_hand: dict[Partition, int] = {}
        self._held: dict[Partition, int] = {}

    async def load(self, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        return {p: Position(self.next[p], None) for p in partitions}

    async def begin(self, offsets: Mapping[Partition, int]) -> None:
        raise NotImplementedError(offsets)

    async def take(self, partitions: Collection[Partition]) -> Mapping[Partition, Taken]:
        return {p: self._take(p) for p in partitions}

    def _take(self, partition: Partition) -> Taken:
        offset = self.next[partition]
        stayed = self._taken_from.get(partition) == offset
        takers = self._takers[partition] = self._takers[partition] + 1 if stayed else 1
        self._taken_from[partition] = offset
        in_hand = self._in_hand.get(partition, -1)
        return Taken(Position(offset, None), takers, in_hand if in_hand >= offset else None)

    async def hold(self, last: Mapping[Partition, int]) -> int | None:
        for partition, offset in last.items():
            again = self._in_hand.get(partition) == offset
            self._held[partition] = self._held[partition] + 1 if again else 0
        self._in_hand |= last
        return max(self._held[p] for p in last)

    async def let_go(self) -> None:
        self._in_hand.clear()


class Process:
    """Takes what there is from both partitions, in turns; dies of the deadly, or at its turn."""

    def __init__(self, positions: MemoryPositions, deadly: Collection[Record], turns: int) -> None:
        self._positions, self._deadly, self._turns = positions, deadly, turns
        self.quarantined: list[Record] = []

    async def run(self) -> bool:
        """False: it died."""
        caution = Caution(self._positions, _MOST_IN_HAND)
        taken = await self._positions.take(_PARTITIONS)
        caution.begin(taken, dict.fromkeys(_PARTITIONS, Extent(0, _RECORDS)))
        left = in_turns({p: each.position.next_offset for p, each in taken.items()})
        while left:
            careful = bool(caution.until)
            first = caution.first_of(left, _BATCH) if careful else left[:_BATCH]
            died_before = careful and await caution.are_deadly(first)
            self._turns -= 1
            if died_before:
                self.quarantined += first
            elif not self._turns or any(record in self._deadly for record in first):
                return False
            self._positions.next |= {p: r.offset + 1 for p, r in last_records(first).items()}
            left = left[len(first) :]
            next_ = self._positions.next
            await caution.over([p for p, offset in caution.until.items() if next_[p] >= offset])
        return True


def in_turns(first: Mapping[Partition, int]) -> list[Record]:
    return [
        Record(partition.topic, partition.partition, offset, 0, None, None, ())
        for offset in range(_RECORDS)
        for partition in _PARTITIONS
        if offset >= first[partition]
    ]


async def lives(deadly: Collection[Record], kills: Iterable[int]) -> tuple[list[Record], int]:
    """What was quarantined, and how many processes died, those that were killed included."""
    positions, quarantined, deaths = MemoryPositions(), list[Record](), 0
    kill = iter(kills)
    while True:
        process = Process(positions, deadly, next(kill, -1))
        survived = await process.run()
        quarantined += process.quarantined
        if survived:
            assert positions.next == dict.fromkeys(_PARTITIONS, _RECORDS)
            return quarantined, deaths
        deaths += 1


records = st.builds(
    Record,
    st.just("t"),
    st.sampled_from([0, 1]),
    st.integers(0, _RECORDS - 1),
    st.just(0),
    st.none(),
    st.none(),
    st.just(()),
)


@given(deadly=records)
def test_a_deadly_record_costs_few_deaths_wherever_it_stands_and_nothing_else(
    deadly: Record,
) -> None:
    quarantined, deaths = asyncio.run(lives([deadly], []))
    assert quarantined == [deadly]
    assert deaths <= _MOST_DEATHS


@given(deadly=st.sets(records, max_size=3), kills=st.lists(st.integers(1, 5), max_size=4))
def test_whoever_is_killed_beside_deadly_records_costs_no_other_record(
    deadly: set[Record], kills: list[int]
) -> None:
    quarantined, deaths = asyncio.run(lives(deadly, kills))
    assert set(quarantined) >= deadly
    assert len(quarantined) <= len(deadly) + len(kills) // 2
    assert deaths <= _MOST_DEATHS * len(deadly) + len(kills)


@given(kills=st.lists(st.integers(2, 9), max_size=20))
def test_what_moves_between_kills_is_never_quarantined(kills: list[int]) -> None:
    quarantined, _ = asyncio.run(lives([], kills))
    assert quarantined == []

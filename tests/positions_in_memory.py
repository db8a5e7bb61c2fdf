"""The positions that several processes share, as the database keeps them, in memory."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.positions import Position, Taken


@dataclass
class Row:
    """Of one partition; the columns of `input_position` of the same names."""

    next_offset: int = 0
    taken_by: str | None = None
    taken_from: int | None = None
    takers: int = 0
    in_hand: int | None = None
    held: int = 0


class SharedPositions:
    """rows: whoever moves a position writes it there."""

    def __init__(self, partitions: Collection[Partition]) -> None:
        self.rows = {partition: Row() for partition in partitions}

    def of(self, process: str) -> "MemoryPositions":
        return MemoryPositions(self, process)


class MemoryPositions:
    """Those of one process, which calls nothing while another call is under way."""

    def __init__(self, shared: SharedPositions, process: str) -> None:
        self._rows, self._process = shared.rows, process
        self._alone: dict[Partition, int] = {}

    async def load(self, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        return {p: Position(self._rows[p].next_offset, None) for p in partitions}

    async def begin(self, offsets: Mapping[Partition, int]) -> None:
        raise NotImplementedError(offsets)

    async def take(self, partitions: Collection[Partition]) -> Mapping[Partition, Taken]:
        return {p: self._take(self._rows[p]) for p in partitions}

    def _take(self, row: Row) -> Taken:
        if row.taken_from != row.next_offset:
            row.takers = 1
        elif row.taken_by != self._process:
            row.takers += 1
        row.taken_from, row.taken_by = row.next_offset, self._process
        return Taken(Position(row.next_offset, None), row.takers, row.in_hand)

    async def hold(self, last: Mapping[Partition, int], *, alone: bool) -> int | None:
        is_new = alone and not last.items() <= self._alone.items()
        if alone:
            self._alone |= last
        mine = [p for p in last if self._rows[p].taken_by == self._process]
        for partition in mine:
            row, offset = self._rows[partition], last[partition]
            again = row.held + is_new if row.in_hand == offset else 0
            row.held, row.in_hand = again if alone else -1, offset
        return max(self._rows[p].held for p in mine) if len(mine) == len(last) else None

    async def let_go(self) -> None:
        self._end(-1)

    async def trust(self) -> None:
        self._end(None)

    def _end(self, in_hand: int | None) -> None:
        self._alone = {}
        for row in self._rows.values():
            if row.taken_by == self._process and row.in_hand is not None:
                row.in_hand = in_hand

"""Finding the record of which workers die: a crash leaves no error, only positions that stay."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from card_fulfillment.kafka.incarnation import Extent
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Partition, last_records
from card_fulfillment.pipeline.positions import Positions, Taken

# So many processes began at a position and died there: the next one takes care.
_DIED: Final = 2
# So often was a record begun alone by one that died then: nobody reads it any more.
_DEADLY: Final = 2
# So many are begun together as long as nobody died of them: whoever comes next takes each alone.
_TOGETHER: Final = 100


class Caution:
    """Records that are taken few at a time, noted before anything looks at them.

    Those of partitions at whose position processes died, up to what the dead can have had in hand;
    alone is taken what was noted by one that died. most: how many records of a partition the dead
    can have had in hand.
    """

    def __init__(self, positions: Positions, most: int) -> None:
        self._positions, self._most = positions, most
        self._until: dict[Partition, int] = {}
        self._alone_until: dict[Partition, int] = {}

    @property
    def until(self) -> Mapping[Partition, int]:
        """Up to which offset each partition is in doubt."""
        return self._until

    def begin(self, taken: Mapping[Partition, Taken], extents: Mapping[Partition, Extent]) -> None:
        """Look at partitions that were just taken."""
        noted = {p: each.in_hand for p, each in taken.items() if each.in_hand is not None}
        self._alone_until = {p: in_hand + 1 for p, in_hand in noted.items()}
        self._until = {
            partition: min(extents[partition].end, each.position.next_offset + self._most)
            for partition, each in taken.items()
            if (partition in noted or each.takers > _DIED)
            and extents[partition].end > each.position.next_offset
        }

    def first_of(self, records: Iterable[Record], most: int) -> Sequence[Record]:
        """Those that may be begun together: as many as come before one to be taken alone, or it."""
        first: list[Record] = []
        for record in islice(records, min(most, _TOGETHER)):
            if record.offset < self._alone_until.get(Partition(record.topic, record.partition), 0):
                return first or [record]
            first.append(record)
        return first

    async def are_deadly(self, records: Sequence[Record]) -> bool | None:
        """Note that these are begun. Null: another process has a partition of theirs.

        Raises StoreUnavailable.
        """
        last = {p: record.offset for p, record in last_records(records).items()}
        died = await self._positions.hold(last, alone=len(records) == 1)
        return None if died is None else died >= _DEADLY

    async def over(self, partitions: Iterable[Partition]) -> None:
        """These are not in doubt any more. Raises StoreUnavailable."""
        for partition in partitions:
            del self._until[partition]
        if not self._until:
            await self._positions.let_go()

"""Finding the record of which workers die: a crash leaves no error, only positions that stay."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
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

    Those of partitions at whose position processes died, as many as the dead can have had in hand,
    and of those that somebody left in doubt; alone is taken what was noted by one that died. most:
    how many records of a partition the dead can have had in hand.
    """

    def __init__(self, positions: Positions, most: int) -> None:
        self._positions, self._most = positions, most
        self._until: dict[Partition, int] = {}
        self._left: dict[Partition, int] = {}
        self._alone_until: dict[Partition, int] = {}

    @property
    def until(self) -> Mapping[Partition, int]:
        """Up to which offset each partition is in doubt, at most."""
        return self._until

    def begin(self, taken: Mapping[Partition, Taken], extents: Mapping[Partition, Extent]) -> None:
        """Look at partitions that were just taken."""
        noted = {p: each.in_hand for p, each in taken.items() if each.in_hand is not None}
        self._alone_until = {p: in_hand + 1 for p, in_hand in noted.items()}
        self._until = {
            partition: extents[partition].end
            for partition, each in taken.items()
            if (partition in noted or each.takers > _DIED)
            and extents[partition].end > each.position.next_offset
        }
        self._left = dict.fromkeys(self._until, self._most)

    def first_of(self, records: Iterable[Record], most: int) -> Sequence[Record]:
        """Those that may be begun together: as many as come before one to be taken alone, or it."""
        first: list[Record] = []
        for record in islice(records, min(most, _TOGETHER)):
            if record.offset < self._alone_until.get(Partition(record.topic, record.partition), 0):
                return first or [record]
            first.append(record)
        return first

    async def note(self, records: Sequence[Record]) -> bool | None:
        """Note that these are begun. True: they are deadly, and nobody is to read them.

        Null: another process has a partition of theirs. Raises StoreUnavailable.
        """
        last = {p: record.offset for p, record in last_records(records).items()}
        died = await self._positions.hold(last, alone=len(records) == 1)
        self._end_where_enough(records, last)
        return None if died is None else died >= _DEADLY

    def _end_where_enough(self, records: Sequence[Record], last: Mapping[Partition, int]) -> None:
        """Offsets don't say how many records there are: compaction leaves few of many."""
        for partition, count in Counter(Partition(r.topic, r.partition) for r in records).items():
            if partition in self._until:
                self._left[partition] -= count
                if self._left[partition] <= 0:
                    self._until[partition] = last[partition] + 1

    async def over(self, partitions: Collection[Partition]) -> None:
        """These are not in doubt any more. Raises StoreUnavailable."""
        left = {p: until for p, until in self._until.items() if p not in partitions}
        if partitions and not left:
            await self._positions.trust()
        self._until = left

"""Finding the record of which workers die: a crash leaves no error, only positions that stay."""

from collections.abc import Iterable, Mapping
from typing import Final

from card_fulfillment.kafka.incarnation import Extent
from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Partition
from card_fulfillment.pipeline.positions import Positions, Taken

# So many processes began at a position and died there: the next one takes records one by one.
_DIED: Final = 3
# So often was a record begun alone by one that died then: nobody reads it any more.
_DEADLY: Final = 2


class Caution:
    """Records that are taken one by one, each noted before anything looks at it.

    Those of partitions at whose position processes died, up to what the dead can have had in hand.
    most: how many records of a partition that can be.
    """

    def __init__(self, positions: Positions, most: int) -> None:
        self._positions, self._most = positions, most
        self._until: dict[Partition, int] = {}

    @property
    def until(self) -> Mapping[Partition, int]:
        """Up to which offset each partition is in doubt."""
        return self._until

    def begin(self, taken: Mapping[Partition, Taken], extents: Mapping[Partition, Extent]) -> None:
        """Look at partitions that were just taken."""
        self._until = {
            partition: min(extents[partition].end, each.position.next_offset + self._most)
            for partition, each in taken.items()
            if (each.in_doubt or each.takers > _DIED)
            and extents[partition].end > each.position.next_offset
        }

    async def is_deadly(self, record: Record) -> bool | None:
        """Note that the record is begun. Null: another process has its partition.

        Raises StoreUnavailable.
        """
        partition = Partition(record.topic, record.partition)
        if record.offset >= self._until.get(partition, 0):
            return False
        died = await self._positions.hold(partition, record.offset)
        return None if died is None else died >= _DEADLY

    async def over(self, partitions: Iterable[Partition]) -> None:
        """These are not in doubt any more. Raises StoreUnavailable."""
        for partition in partitions:
            del self._until[partition]
        if not self._until:
            await self._positions.let_go()

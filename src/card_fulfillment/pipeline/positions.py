"""How far each input partition was taken, and what proves that the topic is still the same one."""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import NamedTuple, Protocol

from card_fulfillment.messages.envelope import Record
from card_fulfillment.pipeline.batch import Partition


class LastRecord(NamedTuple):
    """The record before the position, as it was when it was taken.

    timestamp: microseconds; digest: 16 bytes.
    """

    offset: int
    timestamp: int
    digest: bytes


def record_digest(record: Record) -> bytes:
    """16 bytes by which a record is known again, by whoever has it."""
    digest = blake2b(record.key or b"", digest_size=16)
    digest.update(b"\0" + (record.value or b""))
    return digest.digest()


class Position(NamedTuple):
    next_offset: int
    last: LastRecord | None


class Taken(NamedTuple):
    """A partition as it was taken over.

    takers: processes in a row that took it at this position, this one included. in_hand: null
    where nobody left it in doubt; else the offset of the last record that was begun with care by
    one that then ended in no order, or one before the position, where there is none.
    """

    position: Position
    takers: int
    in_hand: int | None


class Positions(Protocol):
    """Each method may raise StoreUnavailable."""

    async def load(self, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        """The stored positions; partitions never taken from are absent."""
        ...

    async def begin(self, offsets: Mapping[Partition, int]) -> None:
        """Store first positions; one that is stored already stays as it is."""
        ...

    async def take(self, partitions: Collection[Partition]) -> Mapping[Partition, Taken]:
        """The stored positions, and that this process takes the partitions from there on."""
        ...

    async def hold(self, last: Mapping[Partition, int], *, alone: bool) -> int | None:
        """Note that the records up to these offsets are begun, before anything looks at them.

        alone: it is one record. Returns how many processes before had it alone in hand when they
        ended in no order, at most 0 for several; null where another one has taken a partition.
        """
        ...

    async def let_go(self) -> None:
        """Note that this process has nothing in hand any more: it ends in order.

        What it has in doubt is so for whoever comes next, too.
        """
        ...

    async def trust(self) -> None:
        """Note that nothing that this process has is in doubt any more."""
        ...


class InputRecreated(Exception):
    """A topic is not the one that was taken from, or lost what was not taken yet."""

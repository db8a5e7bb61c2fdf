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


class Positions(Protocol):
    async def load(self, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        """The stored positions; partitions never taken from are absent."""
        ...

    async def begin(self, offsets: Mapping[Partition, int]) -> None:
        """Store first positions; one that is stored already stays as it is."""
        ...


class InputRecreated(Exception):
    """A topic is not the one that was taken from, or lost what was not taken yet."""

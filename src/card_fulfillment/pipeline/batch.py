"""A batch: decoded records, and how far it moves the positions of their partitions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from card_fulfillment.domain.facts import Statement
from card_fulfillment.domain.files import FileLine
from card_fulfillment.domain.value import Value
from card_fulfillment.messages.envelope import Ignored, Record, Refused


class Partition(NamedTuple):
    topic: str
    partition: int


def last_records(records: Iterable[Record]) -> dict[Partition, Record]:
    """The last record of each partition."""
    last = {(record.topic, record.partition): record for record in records}
    return {Partition(*partition): record for partition, record in last.items()}


class RecordClass(StrEnum):
    """What became of a record: exactly one of these.

    Of several elements the earlier here decides.
    """

    QUARANTINED = "quarantined"
    PARKED = "parked"
    APPLIED = "applied"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"


SEVERITY = {name: place for place, name in enumerate(RecordClass)}

Element = Statement | FileLine | Refused | Ignored


class Decoded(Value):
    """A record and its elements; none means that it said nothing."""

    __match_args__ = ("record", "elements")

    def __init__(self, record: Record, elements: tuple[Element, ...]) -> None:
        self.record: Final = record
        self.elements: Final = elements


class Move(NamedTuple):
    """The compare-and-set of a position, and the last record taken, to know the topic again."""

    expected: int
    next_offset: int
    last: Record


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in partition order, and the moves of all their partitions."""

    decoded: list[Decoded]
    moves: dict[Partition, Move]

    def extend(self, decoded: Iterable[Decoded], moves: Mapping[Partition, Move]) -> None:
        """Add the records that follow."""
        self.decoded.extend(decoded)
        for partition, move in moves.items():
            before = self.moves.get(partition, move)
            self.moves[partition] = move._replace(expected=before.expected)

    def parts(self, ways: int) -> "dict[int, Batch]":
        """Parts that can be applied side by side: each has the partitions of some numbers.

        The partitions of one number are always in the same part: their records stay in order, and
        where topics are partitioned alike, a card's records stay together.
        """
        parts: dict[int, Batch] = {}
        for each in self.decoded:
            way = each.record.partition % ways
            part = parts.get(way)
            if part is None:
                part = parts[way] = Batch([], {})
            part.decoded.append(each)
        for partition, move in self.moves.items():
            parts[partition.partition % ways].moves[partition] = move
        return parts

    def halves(self) -> "tuple[Batch, Batch]":
        """The first half of the records, and the second, which goes on from there."""
        middle = len(self.decoded) // 2
        first, second = self.decoded[:middle], self.decoded[middle:]
        last = last_records(each.record for each in first)
        begun = {
            partition: Move(self.moves[partition].expected, record.offset + 1, record)
            for partition, record in last.items()
        }
        left = {
            partition: move
            if partition not in begun
            else move._replace(expected=begun[partition].next_offset)
            for partition, move in self.moves.items()
            if partition not in begun or move.next_offset > begun[partition].next_offset
        }
        return Batch(first, begun), Batch(second, left)

"""A batch: decoded records, and how far it moves the positions of their partitions."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from card_fulfillment.domain.facts import Statement
from card_fulfillment.domain.files import FileLine
from card_fulfillment.messages.envelope import Ignored, Record, Refused


class Partition(NamedTuple):
    topic: str
    partition: int


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


class Decoded(NamedTuple):
    """A record and its elements; none means that it said nothing."""

    record: Record
    elements: tuple[Element, ...]


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

    def parts(self, most: int, least: int) -> "list[Batch]":
        """At most so many batches that can be applied side by side: no two share a partition.

        least: records that are worth a transaction of their own. The partitions of one number stay
        together: where topics are partitioned alike, a card's records are in one part.
        """
        ways = min(most, len(self.decoded) // least)
        if ways <= 1:
            return [self]
        parts = [Batch([], {}) for _ in range(ways)]
        for each in self.decoded:
            parts[each.record.partition % ways].decoded.append(each)
        for partition, move in self.moves.items():
            parts[partition.partition % ways].moves[partition] = move
        return [part for part in parts if part.decoded]

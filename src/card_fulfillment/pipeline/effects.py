"""What a batch changes, decided before anything is written."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from card_fulfillment.domain.bindings import Held
from card_fulfillment.domain.bulk import Bulk
from card_fulfillment.domain.facts import Fact
from card_fulfillment.domain.files import FileLine, FileName, LineKey, VendorFile
from card_fulfillment.domain.journey import FactOutcome
from card_fulfillment.domain.naming import Reference, Subject
from card_fulfillment.domain.parcels import Parcel
from card_fulfillment.domain.value import Value
from card_fulfillment.messages.dead_letter import DeadLetter
from card_fulfillment.messages.envelope import Outgoing
from card_fulfillment.pipeline.batch import Move, Partition, RecordClass
from card_fulfillment.pipeline.view import CardState, Places


class NewFact(Value):
    """copies: how often it came in this batch."""

    __match_args__ = ("fact", "places", "copies")

    def __init__(self, fact: Fact, places: Places, copies: int) -> None:
        self.fact: Final = fact
        self.places: Final = places
        self.copies: Final = copies


class NewChange(Value):
    """A version of a subject, or a dead letter (no subject), for a partition of `topic`."""

    __match_args__ = ("topic", "partition", "subject", "version", "outgoing")

    def __init__(
        self,
        topic: str,
        partition: int,
        subject: Subject | None,
        version: int | None,
        outgoing: Outgoing,
    ) -> None:
        self.topic: Final = topic
        self.partition: Final = partition
        self.subject: Final = subject
        self.version: Final = version
        self.outgoing: Final = outgoing


@dataclass(slots=True)
class Effects:
    """All of it is written, or nothing.

    parcels: those of a bulk that changed; null where nothing is said of one any more.
    places: all those of stored facts of which one changed. copies: further copies of stored facts.
    retimed: stored facts of which an earlier copy came, as they are now.
    settled: stored facts that waited for somebody to be about; alerts about them are closed.
    resolved: ids of alerts whose cause is over; reopened: of such whose cause is there again.
    waits: references that a fact waits for from now on; woken: those that it waits for no more.
    lines: new ones. files: those that have new lines. moves: of positions.
    """

    cards: dict[str, CardState] = field(default_factory=dict)
    bulks: dict[str, Bulk] = field(default_factory=dict)
    parcels: dict[tuple[str, Reference], Parcel | None] = field(default_factory=dict)
    bindings: Mapping[Reference, Held] = field(default_factory=dict)
    facts: list[NewFact] = field(default_factory=list)
    places: dict[bytes, Places] = field(default_factory=dict)
    retimed: Mapping[bytes, Fact] = field(default_factory=dict)
    copies: Counter[bytes] = field(default_factory=Counter)
    waits: list[tuple[Reference, bytes]] = field(default_factory=list)
    woken: list[tuple[Reference, bytes]] = field(default_factory=list)
    lines: Mapping[LineKey, FileLine] = field(default_factory=dict)
    files: Mapping[FileName, VendorFile] = field(default_factory=dict)
    changes: list[NewChange] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    settled: list[Fact] = field(default_factory=list)
    resolved: Collection[str] = ()
    reopened: Collection[str] = ()
    moves: Mapping[Partition, Move] = field(default_factory=dict)
    counts: Mapping[Partition, Counter[RecordClass]] = field(default_factory=dict)

    def outcomes(self) -> Counter[FactOutcome]:
        """What became of the new facts, for each of their subjects."""
        found: Counter[FactOutcome] = Counter()
        for new in self.facts:
            for place in new.places.values():
                found[place.outcome] += 1
            if not new.places:
                found[FactOutcome.PARKED] += 1
        return found

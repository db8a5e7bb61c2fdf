"""What a batch needs of the stored state, and what was found."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from typing import NamedTuple, Self

from card_fulfillment.domain.bindings import Binding
from card_fulfillment.domain.facts import CardIdentity, Fact, Reference, Subject
from card_fulfillment.domain.journey import FactOutcome, Journey


@dataclass(slots=True)
class Need:
    """Keys that a batch must know, and of these the ones that it must lock.

    Cards and bulk issuances needed are locked always; references only where this batch may bind
    them, or finds
    them unbound: whoever binds a bound reference anew locks its subjects.

    unlocks: references that the batch may bind: the facts that wait for them are needed.
    histories: cards announced by the batch: what was stored for them is needed under the locks.
    refolds: cards of which facts may go to others: their stored facts are needed to see which.
    fact_ids: ids that the batch brings, to tell the new from the seen.
    named: cards that vendors name by their own ids, whoever they are.
    """

    bulks: set[str] = field(default_factory=set)
    cards: set[str] = field(default_factory=set)
    references: set[Reference] = field(default_factory=set)
    locked_references: set[Reference] = field(default_factory=set)
    unlocks: set[Reference] = field(default_factory=set)
    histories: set[str] = field(default_factory=set)
    refolds: set[str] = field(default_factory=set)
    fact_ids: set[bytes] = field(default_factory=set)
    named: set[str] = field(default_factory=set)

    def covers(self, other: Self) -> bool:
        return all(getattr(self, f.name) >= getattr(other, f.name) for f in fields(self))

    def __or__(self, other: Self) -> "Need":
        return Need(*(getattr(self, f.name) | getattr(other, f.name) for f in fields(self)))

    def __ior__(self, other: Self) -> Self:
        for f in fields(self):
            getattr(self, f.name).update(getattr(other, f.name))
        return self

    def without(self, asked: Self) -> "Need":
        """What is still to be looked up without locks: cards, references and who waits for them."""
        return Need(
            cards=self.cards - asked.cards,
            references=self.references - asked.references,
            unlocks=self.unlocks - asked.unlocks,
            refolds=self.refolds - asked.refolds,
        )

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))


class CardState(NamedTuple):
    """A card's row. Without an identity it is a placeholder."""

    identity: CardIdentity | None = None
    journey: Journey = Journey()


class Place(NamedTuple):
    """What a fact is to one of its subjects."""

    attempt: int
    outcome: FactOutcome


# The subjects that a fact is about; none while it is parked.
Places = Mapping[Subject, Place]


class StoredFact(NamedTuple):
    fact: Fact
    places: Places


@dataclass(slots=True)
class View:
    """The stored state as far as a need asked for it. What is absent does not exist.

    waiting: the facts that wait for any of the need's `unlocks`.
    contents: of the need's `fact_ids`, those that are stored, with their content digests.
    announced: of the need's `named`, those that exist; for alerts only.
    """

    cards: Mapping[str, CardState] = field(default_factory=dict)
    bindings: Mapping[Reference, Sequence[Binding]] = field(default_factory=dict)
    waiting: Mapping[bytes, StoredFact] = field(default_factory=dict)
    histories: Mapping[str, Sequence[StoredFact]] = field(default_factory=dict)
    contents: Mapping[bytes, bytes] = field(default_factory=dict)
    announced: AbstractSet[str] = frozenset()

    def __or__(self, other: Self) -> "View":
        return View(
            {**self.cards, **other.cards},
            {**self.bindings, **other.bindings},
            {**self.waiting, **other.waiting},
            {**self.histories, **other.histories},
            {**self.contents, **other.contents},
            self.announced | other.announced,
        )

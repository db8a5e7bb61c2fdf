"""What a batch needs of the stored state, and what was found."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple, Self

from card_fulfillment.domain.bindings import Bindings, BulkOf, is_crowded
from card_fulfillment.domain.bulk import Bulk
from card_fulfillment.domain.facts import CardIdentity, Fact, ParcelRole
from card_fulfillment.domain.files import FileName, LineKey, VendorFile
from card_fulfillment.domain.journey import UNTOUCHED, FactOutcome, Journey
from card_fulfillment.domain.naming import Reference, Subject
from card_fulfillment.domain.senses import Sense
from card_fulfillment.domain.value import Value


@dataclass(slots=True)
class Need:
    """Keys that a batch must know, and of these the ones that it must lock.

    Cards and bulk issuances needed are locked always; references only where this batch may bind
    them, or finds them unbound: whoever binds a bound reference anew locks its subjects.

    unlocks: references that the batch may bind: the facts that wait for them are needed.
    named: those of them that facts name.
    histories: cards announced by the batch: what was stored for them is needed under the locks.
    refolds: subjects of which facts may go to others: their stored facts are needed to see which;
        of a bulk those of its members that something was said of by name, too.
    whole: bulks of which all facts are needed; of the others those that their cards lack.
    serials: places in a bulk that are announced: who has them already is needed.
    fact_ids: ids that the batch brings, to tell the new from the seen.
    retimed: stored facts without a time of their own, of which an earlier copy came.
    files: files that the batch has lines of, and those found by `file_references`; locked.
    file_references: references of orders, by which lines of files can be about a bulk.
    lines: lines of files that the batch brings, to tell the new from the seen.
    """

    bulks: set[str] = field(default_factory=set)
    cards: set[str] = field(default_factory=set)
    references: set[Reference] = field(default_factory=set)
    locked_references: set[Reference] = field(default_factory=set)
    unlocks: set[Reference] = field(default_factory=set)
    named: set[Reference] = field(default_factory=set)
    histories: set[str] = field(default_factory=set)
    refolds: set[Subject] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    serials: set[tuple[str, int]] = field(default_factory=set)
    fact_ids: set[bytes] = field(default_factory=set)
    retimed: set[bytes] = field(default_factory=set)
    files: set[FileName] = field(default_factory=set)
    file_references: set[Reference] = field(default_factory=set)
    lines: set[LineKey] = field(default_factory=set)

    def covers(self, other: Self) -> bool:
        return all(getattr(self, name) >= getattr(other, name) for name in _SETS)

    def __or__(self, other: Self) -> "Need":
        return Need(*(getattr(self, name) | getattr(other, name) for name in _SETS))

    def __ior__(self, other: Self) -> Self:
        for name in _SETS:
            getattr(self, name).update(getattr(other, name))
        return self

    def without(self, asked: Self) -> "Need":
        """What is still to be looked up without locks: rows, and the facts that may move."""
        return Need(
            bulks=self.bulks - asked.bulks,
            cards=self.cards - asked.cards,
            references=self.references - asked.references,
            unlocks=(self.unlocks - asked.unlocks) | (self.named - asked.named),
            named=self.named - asked.named,
            refolds=self.refolds - asked.refolds,
            files=self.files - asked.files,
            file_references=self.file_references - asked.file_references,
        )

    def unlocked(self, bindings: Bindings) -> set[Reference]:
        """Of the `unlocks` those by which what waits can come to be about somebody.

        What is found by a crowded one is held, however many more are ordered under it, unless a
        fact that names it ceases to.
        """
        return {r for r in self.unlocks if r in self.named or not is_crowded(bindings.get(r, ()))}

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in _SETS)


_SETS: Final = tuple(f.name for f in fields(Need))  # found once: each batch goes through them often


class CardState(Value):
    """A card's row. Without an identity it is a placeholder.

    folded: the number up to which it has folded what is said of its bulk.
    """

    __match_args__ = ("identity", "journey", "folded")

    def __init__(
        self, identity: CardIdentity | None = None, journey: Journey = UNTOUCHED, folded: int = 0
    ) -> None:
        self.identity: Final = identity
        self.journey: Final = journey
        self.folded: Final = folded


class Place(Value):
    """What a fact is to one of its subjects.

    side: the parcel that it was found by, if that is not the outbound one.
    number: of a bulk, its `last_number` in the transaction that made the fact be about it: members
        that have folded up to a smaller one lack the fact. Of a card 0.
    """

    __match_args__ = ("attempt", "outcome", "number", "side")

    def __init__(
        self,
        attempt: int,
        outcome: FactOutcome,
        number: int = 0,
        side: ParcelRole | None = None,
    ) -> None:
        self.attempt: Final = attempt
        self.outcome: Final = outcome
        self.number: Final = number
        self.side: Final = side

    @property
    def sense(self) -> Sense:
        return Sense(self.attempt, self.side)


# The subjects that a fact is about; none while it is parked.
Places = dict[Subject, Place]
NOWHERE: Final[Places] = {}  # of what has none; nobody writes to it


class StoredFact(NamedTuple):
    fact: Fact
    places: Places


class Seen(NamedTuple):
    """What tells a copy of a stored fact. since: its time, where only its record tells one."""

    content: bytes
    since: int | None = None


@dataclass(slots=True)
class View:
    """The stored state as far as a need asked for it. What is absent does not exist.

    waiting: the facts that wait for any of the need's `unlocked`.
    sayings: by bulk, facts about it that some of the need's cards have not folded, or all.
    taken: of the need's `serials`, those that some card has.
    seen: of the need's `fact_ids`, those that are stored.
    files: of the need's `files`, and those of which a line has one of its `file_references`.
    lines: of the need's `lines`, those that are stored.
    """

    bulks: dict[str, Bulk] = field(default_factory=dict)
    cards: dict[str, CardState] = field(default_factory=dict)
    bindings: Bindings = field(default_factory=dict)
    waiting: dict[bytes, StoredFact] = field(default_factory=dict)
    histories: dict[Subject, Sequence[StoredFact]] = field(default_factory=dict)
    sayings: dict[str, Sequence[StoredFact]] = field(default_factory=dict)
    taken: AbstractSet[tuple[str, int]] = frozenset()
    seen: dict[bytes, Seen] = field(default_factory=dict)
    retimed: dict[bytes, StoredFact] = field(default_factory=dict)
    files: dict[FileName, VendorFile] = field(default_factory=dict)
    lines: AbstractSet[LineKey] = frozenset()

    @property
    def bulk_of(self) -> BulkOf:
        """Of each card that is announced its bulk issuance, or none."""
        return {
            i: state.identity.bulk_issuance_id for i, state in self.cards.items() if state.identity
        }

    def as_first_told(self, fact: Fact) -> Fact:
        """The fact; where it is an earlier copy of a stored one, with the cause of that.

        The ids of dead letters about a fact come from its cause, so they stay the same.
        """
        stored = self.retimed.get(fact.fact_id)
        if stored is None:
            return fact
        said: dict[str, Any] = {name: getattr(fact, name) for name in Fact.__match_args__}
        return Fact(**said | {"cause": stored.fact.cause})

    def __or__(self, other: Self) -> "View":
        return View(*(getattr(self, f.name) | getattr(other, f.name) for f in fields(self)))

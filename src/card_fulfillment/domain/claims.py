"""Facts in the running, and which of them stands."""

from enum import StrEnum
from typing import Final

from card_fulfillment.domain.detail import Detail
from card_fulfillment.domain.facts import Fact, ParcelRole
from card_fulfillment.domain.status import BY_RANK, COMES_BACK, STANDING, STOPPED, Status
from card_fulfillment.domain.value import Value


class Scope(StrEnum):
    """What a fact is to the card that folds it: about itself, its bulk, or a range of serials."""

    OWN = "own"
    BULK = "bulk"
    RANGE = "range"


class Key(Value):
    """The total order of a subject's facts; its status is that of the greatest."""

    __match_args__ = ("attempt", "phase", "time", "rank", "fact_id")

    def __init__(self, attempt: int, phase: int, time: int, rank: int, fact_id: bytes) -> None:
        self.attempt: Final = attempt
        self.phase: Final = phase
        self.time: Final = time
        self.rank: Final = rank
        self.fact_id: Final = fact_id

    def __lt__(self, other: "Key") -> bool:
        if self.attempt != other.attempt:
            return self.attempt < other.attempt
        if self.phase != other.phase:
            return self.phase < other.phase
        if self.time != other.time:
            return self.time < other.time
        if self.rank != other.rank:
            return self.rank < other.rank
        return self.fact_id < other.fact_id

    def values(self) -> tuple[object, ...]:
        return self.attempt, self.phase, self.time, self.rank, self.fact_id

    @property
    def status(self) -> Status:
        return BY_RANK[self.rank]


def key_of(fact: Fact, status: Status, attempt: int) -> Key:
    phase, rank = STANDING[status]
    return Key(attempt, phase, fact.effective, rank, fact.fact_id)


class Entry(Value):
    """A fact as one subject folds it. `key` is null where it has no status that moves the subject.

    side: the parcel that it was found by, if that is not the outbound one.
    """

    __match_args__ = ("fact", "attempt", "key", "scope", "side")

    def __init__(
        self,
        fact: Fact,
        attempt: int,
        key: Key | None,
        scope: Scope,
        side: ParcelRole | None = None,
    ) -> None:
        self.fact: Final = fact
        self.attempt: Final = attempt
        self.key: Final = key
        self.scope: Final = scope
        self.side: Final = side

    @property
    def parcel_role(self) -> ParcelRole:
        return self.side or self.fact.parcel_role

    @property
    def order(self) -> Key:
        """Facts without a status come first: what they bring is shown with the status."""
        return self.key or Key(self.attempt, -1, self.fact.effective, 0, self.fact.fact_id)


def entry(
    fact: Fact, attempt: int, scope: Scope = Scope.OWN, side: ParcelRole | None = None
) -> Entry:
    status = fact.status
    key = key_of(fact, status, attempt) if status and _moves(fact, status, side) else None
    return Entry(fact, attempt, key, scope, side)


def _moves(fact: Fact, status: Status, side: ParcelRole | None) -> bool:
    """What is said of a PIN letter moves that letter alone.

    Whoever scans a parcel that comes back and does not know it says `delivered` of the sender's
    door. Where a replacement is, there is the card.
    """
    if ParcelRole.PIN is fact.parcel_role or ParcelRole.PIN is side:
        return False
    return side is not ParcelRole.RETURN or status in COMES_BACK


class Claim(Value):
    """A status fact in the running: its key and what it tells. Claims compare by their keys."""

    __match_args__ = ("key", "detail")

    def __init__(self, key: Key, detail: Detail) -> None:
        self.key: Final = key
        self.detail: Final = detail


def claim(key: Key, fact: Fact) -> Claim:
    return Claim(key, fact.detail)


def greatest(own: Claim | None, bulk: Claim | None, range_production: Claim | None) -> Claim | None:
    """The claim that stands.

    A card rejected or cancelled by name or by range stays so, whatever its bulk does.
    """
    if bulk and range_production and _stops(range_production, bulk):
        bulk = range_production
    if own and bulk and _stops(own, bulk):
        bulk = None
    return later(own, bulk)


def _stops(claim: Claim, bulk: Claim) -> bool:
    return claim.key.status in STOPPED and claim.key.attempt == bulk.key.attempt


def later(one: Claim | None, other: Claim | None) -> Claim | None:
    if one is None or other is None:
        return one or other
    return other if other.key > one.key else one

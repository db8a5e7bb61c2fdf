"""Facts in the running, and which of them stands."""

from enum import StrEnum
from typing import Final

from card_fulfillment.domain.detail import Detail
from card_fulfillment.domain.facts import Fact, Key, ParcelRole, key_of
from card_fulfillment.domain.status import STOPPED
from card_fulfillment.domain.value import Value


class Scope(StrEnum):
    """What a fact is to the card that folds it: about itself, its bulk, or a range of serials."""

    OWN = "own"
    BULK = "bulk"
    RANGE = "range"


class Entry(Value):
    """A fact as one subject folds it. `key` is null where the fact has no status."""

    __match_args__ = ("fact", "attempt", "key", "scope")

    def __init__(self, fact: Fact, attempt: int, key: Key | None, scope: Scope) -> None:
        self.fact: Final = fact
        self.attempt: Final = attempt
        self.key: Final = key
        self.scope: Final = scope

    @property
    def order(self) -> Key:
        """Facts without a status come first: what they bring is shown with the status."""
        return self.key or Key(self.attempt, -1, self.fact.effective, 0, self.fact.fact_id)


def entry(fact: Fact, attempt: int, scope: Scope = Scope.OWN) -> Entry:
    """What is said of a PIN letter moves that letter alone."""
    status = None if fact.parcel_role is ParcelRole.PIN else fact.status
    key = None if status is None else key_of(fact, status, attempt)
    return Entry(fact, attempt, key, scope)


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

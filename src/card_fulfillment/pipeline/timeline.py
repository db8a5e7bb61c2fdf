"""All that is known of one card or bulk issuance, as values: what a support desk asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from card_fulfillment.domain.bindings import Binding
from card_fulfillment.domain.bulk import Bulk, Member
from card_fulfillment.domain.facts import CardIdentity, Fact, ParcelRole
from card_fulfillment.domain.file_accounts import FileAccount
from card_fulfillment.domain.journey import FactOutcome, Journey
from card_fulfillment.domain.naming import Reference
from card_fulfillment.messages.bulk_event_models import BulkIssuanceStatusChanged
from card_fulfillment.messages.envelope import RefusalReason
from card_fulfillment.messages.event_models import CardStatusChanged

T = TypeVar("T")


class Remembered(NamedTuple):
    """A stored fact as its subject has it.

    copies: how often it came, the first time included. number: the bulk's, of a bulk's fact.
    side: the parcel that it was found by, if that is not the outbound one.
    """

    fact: Fact
    attempt: int | None
    outcome: FactOutcome
    copies: int
    recorded_at: datetime
    number: int | None
    side: ParcelRole | None

    @property
    def parcel_role(self) -> ParcelRole:
        return self.side or self.fact.parcel_role


class Bound(NamedTuple):
    """A vendor's name for the card or the bulk issuance."""

    reference: Reference
    binding: Binding


class OpenLetter(NamedTuple):
    """A dead letter that nobody closed yet. record_timestamp: microseconds since the Unix epoch."""

    dead_letter_id: str
    reason: RefusalReason
    field_path: str
    message: str
    topic: str
    partition: int
    offset: int
    record_timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One card.

    identity: none before the card is announced, while facts wait for it.
    changes: what was published, in the order of versions.
    history: its facts in the order of the times that they state.
    through_bulk: of the facts about its bulk those that concern it; it has folded those up to the
        number `folded`.
    bound: of the names of the card those that some fact of it mentions.
    dead_letters: open ones whose record's key is the card's id or one of these names.
    """

    card_id: str
    identity: CardIdentity | None
    journey: Journey
    changes: Sequence[CardStatusChanged]
    history: Sequence[Remembered]
    through_bulk: Sequence[Remembered]
    folded: int
    bound: Sequence[Bound]
    dead_letters: Sequence[OpenLetter]

    @property
    def announced_at(self) -> datetime | None:
        """When the announcement was taken in: facts taken in earlier waited for it."""
        created = (each.recorded_at for each in self.history if each.fact.vendor is None)
        return min(created, default=None)


class Astray(NamedTuple):
    """A member that counts as an exception."""

    card_id: str
    serial: int | None
    member: Member


class Shown(NamedTuple, Generic[T]):
    """The newest of many, in order. more: how many earlier ones there are."""

    newest: Sequence[T]
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkTimeline:
    """One bulk issuance.

    changes: what was published, in the order of versions.
    history: its facts in the order of their numbers, then of the times that they state.
    astray: the first few of each status, by their serials.
    bound, dead_letters: as of a card.
    files: vendors' files that mention a name of it.
    """

    bulk_id: str
    bulk: Bulk
    changes: Shown[BulkIssuanceStatusChanged]
    history: Shown[Remembered]
    astray: Sequence[Astray]
    bound: Sequence[Bound]
    files: Sequence[FileAccount]
    dead_letters: Sequence[OpenLetter]

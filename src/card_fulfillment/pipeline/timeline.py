"""All that is known of one card, as values: what a support desk asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from card_fulfillment.domain.bindings import Binding
from card_fulfillment.domain.facts import CardIdentity, Fact, Reference
from card_fulfillment.domain.journey import FactOutcome, Journey
from card_fulfillment.messages.card_event import CardStatusChanged
from card_fulfillment.messages.envelope import RefusalReason


class Remembered(NamedTuple):
    """A stored fact as the card has it. copies: how often it came, the first time included."""

    fact: Fact
    attempt: int | None
    outcome: FactOutcome
    copies: int
    recorded_at: datetime


class Bound(NamedTuple):
    """A vendor's name for the card."""

    reference: Reference
    binding: Binding


class Quarantined(NamedTuple):
    """An open dead letter. record_timestamp: microseconds since the Unix epoch."""

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
    bound: of the names of the card those that some fact of it mentions.
    dead_letters: open ones whose record's key is the card's id or one of these names.
    """

    card_id: str
    identity: CardIdentity | None
    journey: Journey
    changes: Sequence[CardStatusChanged]
    history: Sequence[Remembered]
    bound: Sequence[Bound]
    dead_letters: Sequence[Quarantined]

    @property
    def announced_at(self) -> datetime | None:
        """When the announcement was taken in: facts taken in earlier waited for it."""
        created = (each.recorded_at for each in self.history if each.fact.vendor is None)
        return min(created, default=None)

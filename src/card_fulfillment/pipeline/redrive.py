"""Applying quarantined records again, through the same path and the same identity rules."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from card_fulfillment.messages.envelope import Record, RefusalReason
from card_fulfillment.pipeline.batch import Batch, Decoded, RecordClass
from card_fulfillment.pipeline.effects import Effects
from card_fulfillment.pipeline.file_alerts import FILE_ALERTS
from card_fulfillment.pipeline.ports import UNAPPLICABLE, Contended, why_unapplicable

_TRIES: Final = 5
_ALERTS: Final = frozenset(
    {
        RefusalReason.PARKING_DEADLINE,
        RefusalReason.REFERENCE_CONFLICT,
        RefusalReason.VENDOR_MISMATCH,
        RefusalReason.VENDOR_ALERT,
        *FILE_ALERTS,
    }
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters: all that fit every condition given. ids: UUIDs as text."""

    ids: Collection[str] = ()
    reason: str | None = None
    vendor: str | None = None
    topic: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    state: str | None = "open"


class StoredLetter(NamedTuple):
    """A dead letter as it is stored. sha256: hex, of the record's value.

    record: null where its bytes were not kept.
    """

    id: str
    reason: RefusalReason
    field_path: str
    message: str
    vendor: str | None
    mapping_version: str | None
    topic: str
    partition: int
    offset: int
    record_timestamp: int
    recorded_at: datetime
    sha256: str
    state: str
    closed_at: datetime | None
    closed_by: str | None
    record: Record | None

    @property
    def is_alert(self) -> bool:
        """It is about a fact that is stored and waits; no record is to be applied again."""
        return self.reason in _ALERTS


class Redriven(NamedTuple):
    """What became of one: the class of its record now, and what was published of whom.

    became: null where it was not applied. closed: whether the letter is, or would be.
    still: why it stays in quarantine, or what else of the record does.
    """

    letter: StoredLetter
    became: RecordClass | None
    closed: bool
    published: list[str]
    still: list[str]


class Quarantine(Protocol):
    """Raises StoreUnavailable."""

    def select(self, selection: Selection) -> AsyncIterator[StoredLetter]:
        """The oldest first, however many there are."""
        ...

    async def redrive(self, batch: Batch, letter_id: str, by: str, *, keep: bool) -> Effects:
        """Apply the one record of the batch and close the letter, in one transaction.

        It stays open where the record fails again in the same way. keep=False: nothing is kept.
        Raises Contended.
        """
        ...


class BytesGone(Exception):
    """The bytes of a record are not to be had any more; the message says why."""


@dataclass(frozen=True, slots=True)
class Redriver:
    """Redrives letters one by one, each in a transaction of its own.

    topics: those that `decode` can read. fetch: of a letter without bytes, its record as it is in
    the topic; raises BytesGone. by: who asked for it; kept with the letter. dry_run: say what would
    change, and change nothing.
    """

    quarantine: Quarantine
    topics: Collection[str]
    decode: Callable[[Record], Decoded]
    fetch: Callable[[StoredLetter], Awaitable[Record]]
    by: str
    dry_run: bool

    async def __call__(self, letter: StoredLetter) -> Redriven:
        """Raises StoreUnavailable."""
        if letter.is_alert:
            return _not_applied(letter, "it is about a fact that is stored and applied in its time")
        if letter.topic not in self.topics:
            return _not_applied(letter, f"{letter.topic} is no input topic by the settings")
        try:
            record = letter.record or await self.fetch(letter)
            effects = await self._apply(letter, Batch([self.decode(record)], {}))
        except (BytesGone, Contended) as error:
            return _not_applied(letter, str(error))
        except UNAPPLICABLE as error:
            return _not_applied(letter, why_unapplicable(error))
        return _redriven(letter, effects)

    async def _apply(self, letter: StoredLetter, batch: Batch) -> Effects:
        tries = 0
        while True:
            tries += 1
            try:
                return await self.quarantine.redrive(
                    batch, letter.id, self.by, keep=not self.dry_run
                )
            except Contended:
                if tries == _TRIES:
                    raise


def _not_applied(letter: StoredLetter, why: str) -> Redriven:
    return Redriven(letter, None, closed=False, published=[], still=[why])


def _redriven(letter: StoredLetter, effects: Effects) -> Redriven:
    (counts,) = effects.counts.values()
    (became,) = counts
    return Redriven(
        letter,
        became,
        closed=letter.id not in {d.dead_letter_id for d in effects.dead_letters},
        published=[
            f"{change.subject.kind} {change.subject.id} version {change.version}"
            for change in effects.changes
            if change.subject is not None
        ],
        still=[
            f"{' '.join(filter(None, (d.reason, d.field_path)))}: {d.message}"
            for d in effects.dead_letters
        ],
    )

"""Applying quarantined records again, through the same path and the same identity rules."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from card_fulfillment.messages.envelope import Record, RefusalReason
from card_fulfillment.pipeline.batch import Batch, Decoded, RecordClass
from card_fulfillment.pipeline.effects import Effects


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
    most: int = 1000


class Quarantined(NamedTuple):
    """A dead letter as stored. `record` is null where its bytes were not kept."""

    id: str
    reason: RefusalReason
    field_path: str
    message: str
    vendor: str | None
    mapping_version: str | None
    topic: str
    partition: int
    offset: int
    recorded_at: datetime
    state: str
    closed_at: datetime | None
    closed_by: str | None
    record: Record | None


class Redriven(NamedTuple):
    """What became of one: the class of its record now, and what was published of whom.

    became: null where there are no bytes to read again. still: why it stays in quarantine.
    """

    letter: Quarantined
    became: RecordClass | None
    published: list[str]
    still: list[str]


class Quarantine(Protocol):
    async def select(self, selection: Selection) -> list[Quarantined]:
        """The oldest first."""
        ...

    async def redrive(self, batch: Batch, letter_id: str, by: str, *, keep: bool) -> Effects:
        """Apply the one record of the batch and close the letter, in one transaction.

        It stays open where the record fails again in the same way. keep=False: nothing is kept.
        """
        ...


async def redrive(
    quarantine: Quarantine,
    selection: Selection,
    decode: Callable[[Record], Decoded],
    *,
    by: str,
    dry_run: bool,
) -> list[Redriven]:
    """One after the other, each in a transaction of its own: one that fails stops no other.

    by: who asked for it; kept with the letter. dry_run: say what would change, and change nothing.
    """
    return [
        await _one(quarantine, letter, decode, by=by, dry_run=dry_run)
        for letter in await quarantine.select(selection)
    ]


async def _one(
    quarantine: Quarantine,
    letter: Quarantined,
    decode: Callable[[Record], Decoded],
    *,
    by: str,
    dry_run: bool,
) -> Redriven:
    if letter.record is None:
        return Redriven(letter, None, [], ["its bytes were not kept"])
    batch = Batch([decode(letter.record)], {})
    effects = await quarantine.redrive(batch, letter.id, by, keep=not dry_run)
    (counts,) = effects.counts.values()
    (became,) = counts
    published = [
        f"{change.subject.kind} {change.subject.id} version {change.version}"
        for change in effects.changes
        if change.subject is not None
    ]
    still = [f"{d.reason}: {d.field_path}: {d.message}" for d in effects.dead_letters]
    return Redriven(letter, became, published, still)

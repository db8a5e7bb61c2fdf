"""What one transaction says of a bulk issuance, and what becomes of it by its members."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from card_fulfillment.domain.bulk import (
    Because,
    Bulk,
    BulkChange,
    Member,
    because,
    roll_up,
    tell,
)
from card_fulfillment.domain.claims import Entry, entry
from card_fulfillment.domain.facts import Announcement, Cause
from card_fulfillment.domain.journey import Change, FactOutcome, Journey
from card_fulfillment.domain.members import Numbered, Sayings, scope_of
from card_fulfillment.domain.naming import Reference, Subject, bulk_issuance
from card_fulfillment.domain.parcels import Hearing, Parcel, Said
from card_fulfillment.domain.status import STANDING, Status
from card_fulfillment.pipeline.filing import Filed
from card_fulfillment.pipeline.placement import Gain, Placement
from card_fulfillment.pipeline.view import Place, StoredFact, View


class Announced(NamedTuple):
    """What a batch announces of one bulk. sizes: numbers of cards that it names.

    repeated: those that announcements of known cards name, each with the record. filed: what files
        about it say, where that changes.
    """

    announcements: list[Announcement]
    sizes: list[int]
    repeated: list[tuple[int, Cause]]
    filed: Filed | None = None


NOTHING_ANNOUNCED: Final = Announced([], [], [])


# Attempt, phase, rank, time; of what is alike in all the order of causes decides.
_Standing = tuple[int, int, int, int, tuple[str, int, int, str]]


class _Move(NamedTuple):
    """The greatest change of members to one status. standing: by which it is that."""

    standing: _Standing
    why: Because


@dataclass
class Turn:
    """A bulk's turn in one transaction: as it was `before`, and as what is heard makes it.

    number: of what is said of it now, where there is `news`, else of what was said last.
    sayings: the facts about it that its members may lack.
    first: of the first announcement of the batch; the bulk comes to life with it, if it does now.
    counts: by how many the transaction changes the number of members in each status and attempt.
    """

    bulk_id: str
    before: Bulk
    bulk: Bulk
    number: int
    news: bool
    sayings: Sayings
    first: Because | None
    counts: Counter[Member] = field(default_factory=Counter)
    _moves: dict[Status, _Move] = field(default_factory=dict)

    def count(self, before: Journey, after: Journey, changes: Iterable[Change]) -> None:
        """Count a member where it is now, and keep the greatest change to each status."""
        if before.published is not None:
            self.counts[Member(before.published.status, before.published.attempt)] -= 1
        if after.published is not None:
            self.counts[Member(after.published.status, after.published.attempt)] += 1
        for change in changes:
            standing = _standing(change)
            greatest = self._moves.get(change.status)
            if greatest is None or standing >= greatest.standing:
                why = Because(change.status, change.detail, change.cause)
                self._moves[change.status] = _Move(standing, why)

    def parcels(self) -> Iterable[tuple[Reference, Parcel | None]]:
        """Those that changed; null where nothing is said of one any more."""
        before, now = self.before.said.parcels, self.bulk.said.parcels
        yield from ((r, parcel) for r, parcel in now.items() if parcel is not before.get(r))
        yield from ((r, None) for r in before if r not in now)

    def told(self, *, tick: bool = False) -> tuple[Bulk, list[BulkChange]]:
        """The bulk after this transaction, and what is published of it."""
        bulk = self.bulk.counting(self.counts)
        if self._moves:
            bulk = replace(bulk, because=self._moved_by(roll_up(bulk).status))
        return tell(bulk, self.first, tick=tick)

    def _moved_by(self, status: Status) -> Because:
        """What moved a member to where the bulk is now, or else one as far as any was moved."""
        furthest = max(self._moves.values(), key=lambda move: move.standing)
        return self._moves.get(status, furthest).why


def _standing(change: Change) -> _Standing:
    phase, rank = STANDING[change.status]
    return change.attempt, phase, rank, change.detail.occurred_at, change.cause.order


def turn_of(
    bulk_id: str, view: View, placement: Placement, gain: Gain | None, announced: Announced
) -> Turn:
    """Hear what the batch says of the bulk; its members are folded after that."""
    subject = bulk_issuance(bulk_id)
    before = view.bulks.get(bulk_id, Bulk())
    number = before.last_number + (gain is not None)
    news = [Numbered(_as_said(e), number) for e in gain.entries] if gain else []
    stored = _stored(subject, view, placement, {n.entry.fact.fact_id for n in news})
    known = numbered(stored, bulk_id)
    bulk = _with_announced(before, bulk_id, view, announced)
    lost = gain.lost if gain else None
    comes_to_life = before.common is None and bulk.common is not None
    hearing = _heard(before.said, known, news, anew=lost is not None or comes_to_life)
    if comes_to_life:
        placement.settle(stored)
    heard = [*known, *news] if comes_to_life else news
    # Without a card of its own it is not alive yet: what is said of it waits.
    _write_places(placement, subject, heard, {} if bulk.common is None else hearing.outcomes)
    said = hearing.said()
    return Turn(
        bulk_id=bulk_id,
        before=before,
        bulk=replace(
            bulk,
            said=said,
            last_number=number,
            reset_number=before.reset_number if lost is None else number,
            reset_by=lost or before.reset_by,
            spread_number=number if before.common is None else before.spread_number,
            because=_because_of(news) or _because_without(before, bulk, lost, announced),
        ),
        number=number,
        news=gain is not None,
        sayings=Sayings([*known, *news], said.parcels),
        first=because(announced.announcements[0].fact) if announced.announcements else None,
    )


def _stored(
    subject: Subject, view: View, placement: Placement, new: Collection[bytes]
) -> list[StoredFact]:
    """The facts about the bulk that were looked up, and are as they were."""
    looked_up = [
        StoredFact(s.fact, placement.places.get(s.fact.fact_id, s.places))
        for s in view.sayings.get(subject.id, ())
        if s.fact.fact_id not in new
    ]
    return [stored for stored in looked_up if subject in stored.places]


def _as_said(each: Entry) -> Entry:
    return Entry(each.fact, each.attempt, each.key, scope_of(each.fact), each.side)


def numbered(stored: Iterable[StoredFact], bulk_id: str) -> list[Numbered]:
    """Facts about a bulk, as what they are to its members."""
    subject = bulk_issuance(bulk_id)
    return [
        Numbered(entry(fact, place.attempt, scope_of(fact), place.side), place.number)
        for fact, places in stored
        for place in (places[subject],)
    ]


def _with_announced(bulk: Bulk, bulk_id: str, view: View, announced: Announced) -> Bulk:
    """The bulk with the cards and sizes that the batch names, and what files say of it now."""
    taken = {serial for of_bulk, serial in view.taken if of_bulk == bulk_id}
    for each in announced.announcements:
        serial = each.card.serial_number
        bulk = bulk.with_member(each.card, taken=serial in taken)
        if serial is not None:
            taken.add(serial)
    if announced.filed is not None:
        bulk = replace(bulk, filed=announced.filed.totals)
    return bulk.of_size(announced.sizes)


def _heard(said: Said, known: list[Numbered], news: list[Numbered], *, anew: bool) -> Hearing:
    """Hear what is new; all anew where something left, or where the bulk comes to life."""
    hearing = Hearing(Said() if anew else said)
    hearing.hear_all([*known, *news] if anew else news)
    return hearing


def _write_places(
    placement: Placement,
    subject: Subject,
    heard: Iterable[Numbered],
    outcomes: Mapping[bytes, FactOutcome],
) -> None:
    """Write what the facts are to the bulk; one without an outcome waits."""
    for each, number in heard:
        fact_id = each.fact.fact_id
        outcome = outcomes.get(fact_id, FactOutcome.PARKED)
        placement.places[fact_id][subject] = Place(each.attempt, outcome, number, each.side)


def _because_of(news: list[Numbered]) -> Because | None:
    """The greatest; where a PIN letter is, say, is not why the cards are where they are."""
    if not news:
        return None
    greatest = max(news, key=lambda n: n.entry.order).entry
    why = because(greatest.fact)
    return why if greatest.key else why._replace(status=None)


def _because_without(
    before: Bulk, bulk: Bulk, lost: Cause | None, announced: Announced
) -> Because | None:
    """Where nothing is said of where its cards are, only the record that came is told."""
    filed = announced.filed.cause if announced.filed else None
    cause = lost or filed or _resized_by(bulk.sizes - before.sizes, announced)
    if before.because is None or cause is None:
        return before.because
    # What was said last may be what left it.
    status = None if lost else before.because.status
    return before.because._replace(status=status, cause=cause)


def _resized_by(new: Collection[int], announced: Announced) -> Cause | None:
    """The repeated announcement with which the last of the new sizes came."""
    first: dict[int, Cause] = {}
    for size, cause in announced.repeated:
        if size in new:
            first.setdefault(size, cause)
    return list(first.values())[-1] if first else None
